"""Entropy models: code lengths of quantised subbands."""

from .context import ContextEntropy
from .factorized import FactorizedEntropy

__all__ = ["ContextEntropy", "FactorizedEntropy"]
