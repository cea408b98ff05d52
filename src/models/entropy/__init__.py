"""Entropy models: code lengths of quantised subbands."""

from .context import ContextEntropy
from .density import Density, Laplace, LogisticMixture, MonotoneNet
from .factorized import FactorizedEntropy
from .published import PublishedContext

__all__ = [
    "ContextEntropy",
    "Density",
    "FactorizedEntropy",
    "Laplace",
    "LogisticMixture",
    "MonotoneNet",
    "PublishedContext",
]
