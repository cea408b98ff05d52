"""The model: plain `nn.Module`s that know nothing of configuration, tracking or files."""

from .boundary import Boundary
from .codec import Coded, WaveletCodec
from .lifting import LiftingScheme, LiftingStep
from .lifting_net import LiftingNet
from .post import NoPost, PostFilter, PublishedPost
from .rate import FixedRate, Rate, VariableRate
from .scale import BoundedScale, PublishedScale
from .subbands import BAND_LETTERS, Subbands
from .transform import Sharing, WaveletTransform
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
    "NoPost",
    "PostFilter",
    "PublishedPost",
    "PublishedScale",
    "Rate",
    "Sharing",
    "Subbands",
    "VariableRate",
    "Wavelet",
    "WaveletCodec",
    "WaveletTransform",
]
