"""The model: plain `nn.Module`s, independent of configuration, tracking and files."""

from .boundary import Boundary
from .codec import Coded, WaveletCodec
from .lifting import LiftingScheme, LiftingStep
from .lifting_net import LiftingNet
from .lossless_rate import LosslessRate
from .parameters import count_parameters, format_parameters
from .post import NoPost, PostFilter, PublishedPost
from .quantize import Rounding
from .rate import FixedRate, Rate, VariableRate
from .reversible import ReversibleTransform
from .scale import BoundedScale, PublishedScale
from .separable import Sharing
from .subbands import BAND_LETTERS, Subbands
from .transform import WaveletTransform
from .wavelets import Wavelet

__all__ = [
    "BAND_LETTERS",
    "Boundary",
    "BoundedScale",
    "Coded",
    "FixedRate",
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
