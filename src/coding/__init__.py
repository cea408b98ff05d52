"""Exact coding: the lossless transform and the densities in integers, wavefronts, range coding."""

from .band_coder import BandCoder
from .context_from_float import Precision, integer_context
from .from_float import integer_model, integer_transform
from .integer_context import IntegerContext
from .integer_factorized import IntegerFactorized, integer_factorized
from .integer_reversible import IntegerReversible
from .lifting_from_float import integer_reversible
from .model_bytes import ContextPart, FactorizedPart, ReversiblePart, model_from_arrays, model_to_arrays
from .rate_distortion import dependent, optimised
from .step import log_step_of

__all__ = [
    "BandCoder",
    "ContextPart",
    "FactorizedPart",
    "IntegerContext",
    "IntegerFactorized",
    "IntegerReversible",
    "Precision",
    "ReversiblePart",
    "dependent",
    "integer_context",
    "integer_factorized",
    "integer_model",
    "integer_reversible",
    "integer_transform",
    "log_step_of",
    "model_from_arrays",
    "model_to_arrays",
    "optimised",
]
