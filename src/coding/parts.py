"""Descriptions of the parts of a codec, in plain values, as model files hold them beside arrays."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from msgspec import Meta, Struct, convert, to_builtins

from ..models.transform.layout import Boundary, LearnedSteps, Sharing
from ..models.transform.wavelets import Wavelet

Padding = Literal["zeros", "reflect", "replicate", "circular"]

Width = Annotated[int, Meta(ge=1, le=1024)]

Depth = Annotated[int, Meta(ge=0, le=64)]

Positive = Annotated[float, Meta(gt=0, le=1e6)]


LEAST_BOUND = 1e-6
"""Smaller bounds of an affine factor leave it at 1, and are 0 in float32."""


class Part(Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the description; unknown keys are refused."""

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Self:
        """Read plain values. Raises msgspec.ValidationError for those that do not fit."""
        return convert(plain, cls)

    def plain(self) -> dict[str, Any]:
        """The values as JSON can hold them, in their order."""
        values: dict[str, Any] = to_builtins(self)
        return values


class NetPart(Part, frozen=True, omit_defaults=True):
    """The network of a lifting step; `scale` None: additive, 0: the published scale, else the bound.

    `learned` names the steps that have one; it is stored unless all do.
    """

    channels: Width
    depth: Depth
    activation: Literal["Tanh", "ReLU", "GELU", "SiLU", "ELU"]
    intensity_scale: Positive
    damping: Positive
    padding: Padding
    input_padding: Padding
    scale: Annotated[float, Meta(ge=0, le=100)] | None
    learned: LearnedSteps = LearnedSteps.ALL

    def __post_init__(self) -> None:
        """Raise ValueError for a bound that is 0 in float32."""
        if self.scale is not None and 0 < self.scale < LEAST_BOUND:
            raise ValueError(f"a bound of a factor is at least {LEAST_BOUND:g}")


class TransformPart(Part, frozen=True):
    """The wavelet transform."""

    wavelet: Wavelet
    levels: Annotated[int, Meta(ge=1, le=5)]
    sharing: Sharing
    boundary: Boundary
    net: NetPart | None


class PostPart(Part, frozen=True):
    """The post-filter, which follows the inverse transform."""

    kind: Literal["none", "filter", "published"]
    channels: Annotated[int, Meta(ge=0, le=1024)]
    layers: Depth
    intensity_scale: Positive


class LayerPart(Part, frozen=True):
    """An integer layer, whose weight, bias and shift are arrays; `limit` bounds its inputs."""

    name: str
    limit: int


class DensityPart(Part, frozen=True):
    """An `IntegerDensity`."""

    family: Literal["logistic", "laplace"]
    components: Annotated[int, Meta(ge=1, le=64)]


class ContextPart(Part, frozen=True, tag_field="kind", tag="context", omit_defaults=True):
    """An `IntegerContext`; `magnitudes` is stored where it is 1."""

    levels: Annotated[int, Meta(ge=1, le=8)]
    limit: int
    fraction: int
    density: DensityPart
    sections: Literal[1] | None
    trellis: int | None
    layers: list[LayerPart]
    magnitudes: Literal[1] | None = None


class FactorizedPart(Part, frozen=True, tag_field="kind", tag="factorized"):
    """An `IntegerFactorized`."""

    levels: Annotated[int, Meta(ge=1, le=8)]
    density: DensityPart
    layers: list[LayerPart]


class VoxelsPart(Part, frozen=True, tag_field="kind", tag="voxels"):
    """An `IntegerVoxels`."""

    levels: Annotated[int, Meta(ge=1, le=5)]
    limit: int
    density: DensityPart
    layers: list[LayerPart]


class ReversiblePart(Part, frozen=True, tag_field="kind", tag="reversible"):
    """An `IntegerReversible`."""

    levels: Annotated[int, Meta(ge=1, le=8)]
    sharing: Sharing
    boundary: Boundary
    padding: Literal["zeros", "reflect", "replicate"]
    input_padding: Literal["zeros", "reflect", "replicate"]
    layers: list[LayerPart]
