"""Exact coding: the lossless transform and the densities in integers, wavefronts, range coding."""

from .band_coder import BandCoder
from .constants import log_step_of
from .encoder_choice import dependent, optimised
from .integer_context import IntegerContext
from .integer_factorized import IntegerFactorized
from .integer_reversible import IntegerReversible
from .model_parts import ContextPart, FactorizedPart, ReversiblePart, model_from_arrays, model_to_arrays
from .to_integer.entropy_from_float import Precision, integer_context, integer_factorized, integer_model
from .to_integer.lifting_from_float import integer_reversible, integer_transform

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
