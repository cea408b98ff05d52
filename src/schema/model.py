"""The parts of a codec."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from .node import Call, Node, Rates, Sharing, Target


class ModelSizes(Node):
    """`conf/model`."""

    levels: Annotated[int, Field(ge=1, le=5)]
    lifting_channels: PositiveInt
    lifting_depth: PositiveInt
    context_channels: PositiveInt
    context_layers: NonNegativeInt
    mixtures: PositiveInt
    post_channels: PositiveInt
    post_layers: NonNegativeInt


class Net(Node):
    """`conf/lifting`: the network of a lifting step."""

    target: Target = Field(alias="_target_")
    partial: Literal[True] = Field(alias="_partial_")
    channels: PositiveInt
    depth: PositiveInt
    activation: Call
    intensity_scale: PositiveFloat | None
    damping: PositiveFloat
    padding: Literal["zeros", "reflect", "replicate"]
    input_padding: Literal["zeros", "reflect", "replicate"]


class Scale(Node):
    """`conf/scale`: how the raw scale field of an affine step becomes a factor."""

    target: Target = Field(alias="_target_")
    bound: PositiveFloat


class Transform(Node):
    """`conf/transform`."""

    target: Target = Field(alias="_target_")
    wavelet: Literal["cdf97", "cdf53"]
    levels: Annotated[int, Field(ge=1, le=5)]
    sharing: Sharing
    boundary: Literal["symmetric", "published"]
    trainable_taps: bool
    net: Net | None
    scale: Scale | None
    reversible: bool = False


class Density(Node):
    """`conf/density`: the density of a coefficient."""

    target: Target = Field(alias="_target_")
    components: PositiveInt


class Entropy(Node):
    """`conf/entropy`."""

    target: Target = Field(alias="_target_")
    levels: PositiveInt
    channels: PositiveInt
    layers: NonNegativeInt
    density: Density
    long_context: bool
    short_context: bool
    reversible: bool = False
    sharing: Sharing = "isotropic"
    dependent: bool = False
    oriented: bool = False
    states: Literal[8, 64, 256] = 8


class Post(Node):
    """`conf/post`."""

    target: Target = Field(alias="_target_")
    channels: PositiveInt
    layers: NonNegativeInt
    intensity_scale: PositiveFloat | None


class Rounding(Node):
    """`conf/rounding`."""

    target: Target = Field(alias="_target_")
    soft_share: Annotated[float, Field(ge=0, le=1)]
    rate_distortion: bool = False


class Rate(Node):
    """`conf/rate`."""

    target: Target = Field(alias="_target_")
    levels: PositiveInt
    lmbda: PositiveFloat | None
    initial_step: PositiveFloat | None
    per_band: bool
    step_range: Rates
    ladder: Rates
