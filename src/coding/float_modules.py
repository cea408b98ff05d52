"""Modules of a codec's transform and filter: their descriptions, and the modules rebuilt from these."""

from collections.abc import Mapping
from functools import partial
from typing import TypeVar, cast

import numpy as np
import torch
from torch import nn

from ..errors import AiwaveError
from ..models.post import NoPost, PostFilter, PublishedPost
from ..models.transform.layout import LearnedSteps
from ..models.transform.lifting import BoundedScale, LiftingNet, LiftingScheme, PublishedScale
from ..models.transform.wavelet_transform import WaveletTransform
from ..models.transform.wavelets import Wavelet
from .parts import NetPart, PostPart, TransformPart

POSTS: dict[str, type[nn.Module]] = {"none": NoPost, "filter": PostFilter, "published": PublishedPost}

ACTIVATIONS: dict[str, type[nn.Module]] = {cls.__name__: cls for cls in (nn.Tanh, nn.ReLU, nn.GELU, nn.SiLU, nn.ELU)}

Module = TypeVar("Module", bound=nn.Module)


def transform_part(transform: WaveletTransform) -> TransformPart:
    """The description of a transform. Raises AiwaveError for lifting networks that the format does not have."""
    scheme = cast(LiftingScheme, transform.schemes[0])
    step = scheme.lifting_steps()[-1]
    wavelets = {len(wavelet.lifting.steps): wavelet for wavelet in Wavelet}
    return TransformPart(
        wavelet=wavelets[len(scheme.steps)],
        levels=transform.levels,
        sharing=transform.sharing,
        boundary=step.boundary,
        net=None if step.net is None else _net_part(step.net, transform.learned),
    )


def _net_part(net: nn.Module, learned: LearnedSteps) -> NetPart:
    if not isinstance(net, LiftingNet):
        raise AiwaveError(f"Lifting networks of kind {type(net).__name__} cannot be stored: train with lifting=damped.")
    activation = type(net.inner[0][0]).__name__ if len(net.inner) else "Tanh"  # type: ignore[index]
    if activation not in ACTIVATIONS or not isinstance(net.scale, BoundedScale | PublishedScale | None):
        raise AiwaveError(
            f"Lifting networks with {activation} and {type(net.scale).__name__} cannot be stored: train with one "
            f"of {', '.join(ACTIVATIONS)} and scale=bounded."
        )
    return NetPart(
        channels=net.first.out_channels,
        depth=len(net.inner),
        activation=activation,  # type: ignore[arg-type]
        intensity_scale=net.intensity_scale,
        damping=net.damping,
        padding=net.shift_head.padding_name,  # type: ignore[arg-type]
        input_padding=net.first.padding_name,  # type: ignore[arg-type]
        scale=None if net.scale is None else getattr(net.scale, "bound", 0.0),
        learned=learned,
    )


def post_part(post: nn.Module) -> PostPart:
    """The description of a filter. Raises AiwaveError for one that the format does not have."""
    kind = next((name for name, kind in POSTS.items() if type(post) is kind), None)
    if kind is None:
        raise AiwaveError(f"A filter of kind {type(post).__name__} cannot be stored: train with post=cnn or none.")
    if isinstance(post, NoPost):
        return PostPart(kind="none", channels=0, layers=0, intensity_scale=256.0)
    scale = post.peak + 1 if isinstance(post, PublishedPost) else 256.0
    return PostPart(kind=kind, channels=len(post.first.weight), layers=len(post.inner), intensity_scale=scale)  # type: ignore


def transform_module(part: TransformPart, weights: Mapping[str, np.ndarray]) -> WaveletTransform:
    """The transform that a part describes. Raises AiwaveError if the float32 weights do not fit."""
    with torch.device("meta"):
        net = part.net
        make = None if net is None else partial(_net, net)
        scale = None if net is None else _scale(net)
        learned = LearnedSteps.ALL if net is None else net.learned
        module = WaveletTransform(
            part.wavelet, part.levels, part.sharing, part.boundary, False, make, scale, learned=learned
        )
    return _filled(module, weights)


def _net(part: NetPart, scale: nn.Module | None) -> LiftingNet:
    dropped = ("scale", "activation", "learned")
    options = {name: value for name, value in part.plain().items() if name not in dropped}
    return LiftingNet(activation=ACTIVATIONS[part.activation], scale=scale, **options)


def _scale(part: NetPart) -> nn.Module | None:
    """The function that maps the raw scale field to a factor."""
    if part.scale is None:
        return None
    return BoundedScale(part.scale) if part.scale else PublishedScale()


def post_module(part: PostPart, weights: Mapping[str, np.ndarray]) -> nn.Module:
    """The filter that a part describes. Raises AiwaveError if the float32 weights do not fit."""
    with torch.device("meta"):
        if part.kind == "none":
            module: nn.Module = NoPost()
        elif part.kind == "filter":
            module = PostFilter(part.channels, part.layers)
        else:
            module = PublishedPost(part.channels, part.layers, part.intensity_scale)
    filled = _filled(module, weights)
    return filled.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # same values, faster


def _filled(module: Module, weights: Mapping[str, np.ndarray]) -> Module:
    """A module on the meta device, with stored weights; no other memory is allocated for parameters."""
    try:
        module.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()}, assign=True)
    except (RuntimeError, ValueError) as error:
        raise AiwaveError("The model is damaged: its weights do not fit its description; store it again.") from error
    return module.requires_grad_(False).eval()
