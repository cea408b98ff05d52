"""Schemas of the parts of a codec, whose options take the arguments of their constructors (see `constructor.py`)."""

from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveInt

from .node import Call, Node


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


class Net(Call):
    """`conf/lifting`: the network of a lifting step."""

    kind = "aiwave.models.transform.wavelet_transform.NetMaker"


class Scale(Call):
    """`conf/scale`: the map from the raw scale field of an affine step to a factor."""

    kind = "torch.nn.Module"


class Transform(Call):
    """`conf/transform`."""

    kind = "torch.nn.Module"


class Density(Call):
    """`conf/density`: the density of a coefficient."""

    kind = "aiwave.models.entropy.Density"


class Entropy(Call):
    """`conf/entropy`."""

    kind = "aiwave.models.entropy.EntropyModel"


class Post(Call):
    """`conf/post`."""

    kind = "torch.nn.Module"


class Rounding(Call):
    """`conf/rounding`."""

    kind = "aiwave.models.Rounding"


class Rate(Call):
    """`conf/rate`."""

    kind = "aiwave.models.Rate"
