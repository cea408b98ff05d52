"""Public names of the package, which import PyTorch."""

from .bands import BAND_LETTERS
from .codec import Coded, WaveletCodec, count_parameters, format_parameters
from .post import NoPost, PostFilter, PublishedPost
from .quantisation.rate import FixedRate, LosslessRate, Rate, VariableRate
from .quantisation.rounding import Rounding
from .subbands import Subbands
from .transform.identity import Identity
from .transform.layout import Boundary, Sharing
from .transform.lifting import BoundedScale, LiftingNet, LiftingScheme, LiftingStep, PublishedScale
from .transform.wavelet_transform import ReversibleTransform, WaveletTransform
from .transform.wavelets import Wavelet

__all__ = [
    "BAND_LETTERS",
    "Boundary",
    "BoundedScale",
    "Coded",
    "FixedRate",
    "Identity",
    "LiftingNet",
    "LiftingScheme",
    "LiftingStep",
    "LosslessRate",
    "NoPost",
    "PostFilter",
    "PublishedPost",
    "PublishedScale",
    "Rate",
    "ReversibleTransform",
    "Rounding",
    "Sharing",
    "Subbands",
    "VariableRate",
    "Wavelet",
    "WaveletCodec",
    "WaveletTransform",
    "count_parameters",
    "format_parameters",
]
