"""Entropy models: code lengths of quantised subbands."""

from .base import EntropyModel
from .context import ContextEntropy
from .density import Density, Laplace, LogisticMixture, MonotoneNet
from .factorized import FactorizedEntropy
from .published import PublishedContext
from .voxels import VoxelEntropy

__all__ = [
    "ContextEntropy",
    "Density",
    "EntropyModel",
    "FactorizedEntropy",
    "Laplace",
    "LogisticMixture",
    "MonotoneNet",
    "PublishedContext",
    "VoxelEntropy",
]
