"""Description of a codec's transform and filter in a model file, and the modules rebuilt from it."""

import math
from functools import partial
from typing import Annotated, Literal

import torch
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from torch import nn

from ..coding.model_parts import ContextPart, FactorizedPart, ReversiblePart
from ..errors import AiwaveError
from ..models.post import NoPost, PostFilter, PublishedPost
from ..models.transform.boundary import Boundary
from ..models.transform.lifting import BoundedScale, LiftingNet, PublishedScale
from ..models.transform.separable import Sharing
from ..models.transform.wavelet_transform import WaveletTransform
from ..models.transform.wavelets import Wavelet

Padding = Literal["zeros", "reflect", "replicate", "circular"]

Width = Annotated[int, Field(ge=1, le=1024)]

Depth = Annotated[int, Field(ge=0, le=64)]

LEAST_GAIN, MOST_GAIN = 1e-6, 1e6
"""Gains of a wavelet are about 1; those of 0 cannot be undone."""

Positive = Annotated[float, Field(gt=0, le=1e6)]

POSTS: dict[str, type[nn.Module]] = {"none": NoPost, "filter": PostFilter, "published": PublishedPost}

ACTIVATIONS: dict[str, type[nn.Module]] = {cls.__name__: cls for cls in (nn.Tanh, nn.ReLU, nn.GELU, nn.SiLU, nn.ELU)}


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
    scale: Annotated[float, Field(ge=0, le=100)] | None

    @classmethod
    def of(cls, net: nn.Module) -> "NetPart":
        """Constructor arguments of a network. Raises AiwaveError for one that the format does not have."""
        if not isinstance(net, LiftingNet):
            raise AiwaveError(
                f"Lifting networks of kind {type(net).__name__} cannot be stored: train with lifting=damped."
            )
        activation = type(net.inner[0][0]).__name__ if len(net.inner) else "Tanh"  # type: ignore[index]
        if activation not in ACTIVATIONS or not isinstance(net.scale, BoundedScale | PublishedScale | None):
            raise AiwaveError(
                f"Lifting networks with {activation} and {type(net.scale).__name__} cannot be stored: train with one "
                f"of {', '.join(ACTIVATIONS)} and scale=bounded."
            )
        return cls(
            channels=net.first.out_channels,
            depth=len(net.inner),
            activation=activation,  # type: ignore[arg-type]
            intensity_scale=net.intensity_scale,
            damping=net.damping,
            padding=net.shift_head.padding_name,  # type: ignore[arg-type]
            input_padding=net.first.padding_name,  # type: ignore[arg-type]
            scale=None if net.scale is None else getattr(net.scale, "bound", 0.0),
        )

    def scale_module(self) -> nn.Module | None:
        """Function that maps the raw scale field to a factor."""
        if self.scale is None:
            return None
        return BoundedScale(self.scale) if self.scale else PublishedScale()

    def make(self, scale: nn.Module | None) -> LiftingNet:
        """Build the network, with initial weights."""
        options = self.model_dump(exclude={"scale", "activation"})
        return LiftingNet(activation=ACTIVATIONS[self.activation], scale=scale, **options)


class TransformPart(Part):
    """The wavelet transform."""

    wavelet: Wavelet
    levels: Annotated[int, Field(ge=1, le=5)]
    sharing: Sharing
    boundary: Boundary
    net: NetPart | None

    @classmethod
    def of(cls, transform: WaveletTransform) -> "TransformPart":
        """Constructor arguments of a transform. Raises AiwaveError as `NetPart.of` does."""
        scheme = transform.schemes[0]
        step = scheme.steps[0]  # type: ignore[union-attr, index]
        wavelets = {len(wavelet.lifting.steps): wavelet for wavelet in Wavelet}
        return cls(
            wavelet=wavelets[len(scheme.steps)],  # type: ignore[arg-type]
            levels=transform.levels,
            sharing=transform.sharing,
            boundary=step.boundary,  # type: ignore[union-attr]
            net=None if step.net is None else NetPart.of(step.net),  # type: ignore[union-attr, arg-type]
        )

    def make(self) -> WaveletTransform:
        """Build the transform, with initial weights."""
        net = self.net
        scale = None if net is None else net.scale_module()
        make = None if net is None else partial(_net, net)
        return WaveletTransform(self.wavelet, self.levels, self.sharing, self.boundary, False, make, scale)


def _net(part: NetPart, scale: nn.Module | None) -> LiftingNet:
    return part.make(scale)


class PostPart(Part):
    """The post-filter, which follows the inverse transform."""

    kind: Literal["none", "filter", "published"]
    channels: Annotated[int, Field(ge=0, le=1024)]
    layers: Depth
    intensity_scale: Positive

    @classmethod
    def of(cls, post: nn.Module) -> "PostPart":
        """Constructor arguments of a filter. Raises AiwaveError for one that the format does not have."""
        kind = next((name for name, kind in POSTS.items() if type(post) is kind), None)
        if kind is None:
            raise AiwaveError(f"A filter of kind {type(post).__name__} cannot be stored: train with post=cnn or none.")
        if isinstance(post, NoPost):
            return cls(kind="none", channels=0, layers=0, intensity_scale=256.0)
        scale = post.peak + 1 if isinstance(post, PublishedPost) else 256.0
        return cls(kind=kind, channels=len(post.first.weight), layers=len(post.inner), intensity_scale=scale)  # type: ignore

    def make(self) -> nn.Module:
        """Build the filter, with initial weights."""
        if self.kind == "none":
            return NoPost()
        if self.kind == "filter":
            return PostFilter(self.channels, self.layers)
        return PublishedPost(self.channels, self.layers, self.intensity_scale)


def _ascending(steps: tuple[float, float]) -> tuple[float, float]:
    if steps[0] > steps[1]:
        raise ValueError("a range begins with its smaller end")
    return steps


class Description(Part):
    """Everything in a model file but its arrays. `gain` is a level's LLL of a flat volume divided by the intensity.

    With `reversible` the model codes only losslessly, otherwise lossily (and losslessly with the plain 5/3, unless
    quantisation is dependent).
    """

    name: Annotated[str, Field(max_length=100)]
    transform: TransformPart
    post: PostPart
    step_range: Annotated[tuple[Positive, Positive], AfterValidator(_ascending)]
    gain: Annotated[float, Field(gt=1e-3, lt=1e3)]
    entropy: Annotated[ContextPart | FactorizedPart, Field(discriminator="kind")]
    reversible: ReversiblePart | None


def filled(part: TransformPart | PostPart, weights: dict[str, torch.Tensor]) -> nn.Module:
    """The module of a part, with stored weights; no other memory is allocated for parameters.

    Raises AiwaveError if the weights do not fit, or are not finite float32.
    """
    if any(value.dtype != torch.float32 for value in weights.values()):
        raise AiwaveError("The model is damaged: it has weights that are not float32; store it again.")
    if not all(math.isfinite(float(value.sum())) for value in weights.values()):
        raise AiwaveError("The model is damaged: it has weights that are not finite; store it again.")
    gains = (float(gain) for name, value in weights.items() if name.endswith("_gain") for gain in value.abs().flatten())
    if not all(LEAST_GAIN < gain < MOST_GAIN for gain in gains):
        raise AiwaveError("The model is damaged: a gain of its transform is out of range; store it again.")
    try:
        with torch.device("meta"):
            module = part.make()
        module.load_state_dict(weights, assign=True)
    except (RuntimeError, ValueError) as error:
        raise AiwaveError("The model is damaged: its weights do not fit its description; store it again.") from error
    return module.requires_grad_(False).eval()
