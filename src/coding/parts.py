"""Descriptions of the parts of a codec, in plain values, as model files hold them beside arrays."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ..models.transform.layout import Boundary, Sharing
from ..models.transform.wavelets import Wavelet

Padding = Literal["zeros", "reflect", "replicate", "circular"]

Width = Annotated[int, Field(ge=1, le=1024)]

Depth = Annotated[int, Field(ge=0, le=64)]

Positive = Annotated[float, Field(gt=0, le=1e6)]


LEAST_BOUND = 1e-6
"""Smaller bounds of an affine factor leave it at 1, and are 0 in float32."""


def _bound(scale: float) -> float:
    if 0 < scale < LEAST_BOUND:
        raise ValueError(f"a bound of a factor is at least {LEAST_BOUND:g}")
    return scale


class Part(BaseModel):
    """A part of the description; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class NetPart(Part):
    """The network of a lifting step; `scale` None: additive, 0: the published scale, else the bound."""

    channels: Width
    depth: Depth
    activation: Literal["Tanh", "ReLU", "GELU", "SiLU", "ELU"]
    intensity_scale: Positive
    damping: Positive
    padding: Padding
    input_padding: Padding
    scale: Annotated[float, Field(ge=0, le=100), AfterValidator(_bound)] | None


class TransformPart(Part):
    """The wavelet transform."""

    wavelet: Wavelet
    levels: Annotated[int, Field(ge=1, le=5)]
    sharing: Sharing
    boundary: Boundary
    net: NetPart | None


class PostPart(Part):
    """The post-filter, which follows the inverse transform."""

    kind: Literal["none", "filter", "published"]
    channels: Annotated[int, Field(ge=0, le=1024)]
    layers: Depth
    intensity_scale: Positive


class LayerPart(Part):
    """An integer layer, whose weight, bias and shift are arrays; `limit` bounds its inputs."""

    name: str
    limit: int


class DensityPart(Part):
    """An `IntegerDensity`."""

    family: Literal["logistic", "laplace"]
    components: Annotated[int, Field(ge=1, le=64)]


class ContextPart(Part):
    """An `IntegerContext`."""

    kind: Literal["context"] = "context"
    levels: Annotated[int, Field(ge=1, le=8)]
    limit: int
    fraction: int
    density: DensityPart
    sections: Literal[1] | None
    trellis: int | None
    layers: list[LayerPart]


class FactorizedPart(Part):
    """An `IntegerFactorized`."""

    kind: Literal["factorized"] = "factorized"
    levels: Annotated[int, Field(ge=1, le=8)]
    density: DensityPart
    layers: list[LayerPart]


class ReversiblePart(Part):
    """An `IntegerReversible`."""

    kind: Literal["reversible"] = "reversible"
    levels: Annotated[int, Field(ge=1, le=8)]
    sharing: Sharing
    boundary: Boundary
    padding: Literal["zeros", "reflect", "replicate"]
    input_padding: Literal["zeros", "reflect", "replicate"]
    layers: list[LayerPart]
