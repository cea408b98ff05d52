"""Schemas of the parts of a codec, whose options take the arguments of their constructors (see `constructor.py`)."""

from typing import Annotated

from pydantic import Field

from ..bounds import Layers, LayersOrNone, Width
from .node import Call, Node


class ModelSizes(Node):
    """`conf/model`."""

    levels: Annotated[int, Field(ge=1, le=5)]
    lifting_channels: Width
    lifting_depth: Layers
    context_channels: Width
    context_layers: LayersOrNone
    mixtures: Width
    post_channels: Width
    post_layers: LayersOrNone


class Net(Call):
    """`conf/lifting`: the network of a lifting step."""

    kind = "aiwave.models.transform.wavelet_transform.NetMaker"
    targets = ("aiwave.models.LiftingNet",)


class Scale(Call):
    """`conf/scale`: the map from the raw scale field of an affine step to a factor."""

    kind = "torch.nn.Module"
    targets = ("aiwave.models.BoundedScale", "aiwave.models.PublishedScale")


class Transform(Call):
    """`conf/transform`."""

    kind = "torch.nn.Module"
    targets = ("aiwave.models.Identity", "aiwave.models.WaveletTransform")


class Density(Call):
    """`conf/density`: the density of a coefficient."""

    kind = "aiwave.models.entropy.Density"
    targets = (
        "aiwave.models.entropy.Laplace",
        "aiwave.models.entropy.LogisticMixture",
        "aiwave.models.entropy.MonotoneNet",
    )


class Entropy(Call):
    """`conf/entropy`."""

    kind = "aiwave.models.entropy.EntropyModel"
    targets = (
        "aiwave.models.entropy.ContextEntropy",
        "aiwave.models.entropy.FactorizedEntropy",
        "aiwave.models.entropy.PublishedContext",
        "aiwave.models.entropy.VoxelEntropy",
    )


class Post(Call):
    """`conf/post`."""

    kind = "torch.nn.Module"
    targets = ("aiwave.models.NoPost", "aiwave.models.PostFilter", "aiwave.models.PublishedPost")


class Rounding(Call):
    """`conf/rounding`."""

    kind = "aiwave.models.Rounding"
    targets = ("aiwave.models.Rounding",)


class Rate(Call):
    """`conf/rate`."""

    kind = "aiwave.models.Rate"
    targets = ("aiwave.models.FixedRate", "aiwave.models.LosslessRate", "aiwave.models.VariableRate")


class Activation(Call):
    """The key `activation` of `conf/lifting`."""

    targets = tuple(
        f"torch.nn.{name}"
        for name in ("ELU", "GELU", "Hardtanh", "Identity", "LeakyReLU", "ReLU", "SiLU", "Sigmoid", "Softplus", "Tanh")
    )
