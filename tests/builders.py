"""Small models for tests."""

from functools import partial

import torch
from torch import nn

from aiwave.models.codec import WaveletCodec
from aiwave.models.entropy import ContextEntropy, FactorizedEntropy, LogisticMixture, PublishedContext, VoxelEntropy
from aiwave.models.entropy.base import GAIN
from aiwave.models.post import NoPost, PostFilter
from aiwave.models.quantisation.rate import LosslessRate, VariableRate
from aiwave.models.quantisation.rounding import Rounding
from aiwave.models.transform.identity import Identity
from aiwave.models.transform.lifting import BoundedScale, LiftingNet
from aiwave.models.transform.wavelet_transform import WaveletTransform


def lifting_net(channels=4, **options):
    return LiftingNet(channels, 1, nn.Tanh, intensity_scale=256.0, **options)


def transform(kind, levels=2, channels=4, scale=None, **options):
    """A transform by the name of its variant: cdf97, cdf53, additive, hybrid or affine."""
    wavelet = kind if kind in ("cdf97", "cdf53") else "cdf97"
    net = None if kind == wavelet else partial(lifting_net, channels)
    scale = (scale or BoundedScale(0.5)) if kind == "affine" else None
    if kind == "hybrid":
        options["learned"] = "last"
    return WaveletTransform(wavelet, levels, trainable_taps=net is not None, net=net, scale=scale, **options)


def entropy(kind, levels=2, channels=8, density=None, layers=1, **options):
    make = {"context": ContextEntropy, "factorized": FactorizedEntropy, "published": PublishedContext}[kind]
    return make(levels, channels, layers=layers, density=density or LogisticMixture(2), **options)


def codec(kind="affine", entropy_kind="context", post=True, levels=2, per_band=False):
    return WaveletCodec(
        transform(kind, levels),
        VariableRate([1.0, 30.0], [2.0, 8.0, 20.0], levels, per_band=per_band),
        entropy(entropy_kind, levels),
        PostFilter(4, 1) if post else NoPost(),
    )


def lossless_codec():
    """CDF 5/3 with networks, rounded, as experiment=lossless has it."""
    learned = WaveletTransform("cdf53", trainable_taps=True, net=partial(lifting_net, 4), reversible=True)
    return WaveletCodec(learned, LosslessRate(), entropy("context"), NoPost())


def sections_codec():
    """The reversible 5/3 of sections one by one, whose bands predict each other."""
    wavelet = WaveletTransform("cdf53", sharing="sections", reversible=True)
    model = entropy("context", reversible=True, sharing="sections")
    return WaveletCodec(wavelet, LosslessRate(), model, NoPost())


def voxels_codec():
    """A network on voxels, without a transform, as in release/voxels_fast."""
    return WaveletCodec(Identity(), LosslessRate(0), VoxelEntropy([2, 1.5, 1], [8, 6], 2), NoPost())


def dependent_codec(rounding=None, **options):
    """Dependent quantisation of the plain 9/7, as in release/em_nano; `options` are those of the context model."""
    rate = VariableRate([1.0, 30.0], [2.0, 8.0, 20.0])
    choice = rounding or Rounding(rate_distortion=True)
    return WaveletCodec(transform("cdf97"), rate, entropy("context", dependent=True, **options), NoPost(), choice)


def shake(module, seed=0, std=0.02):
    """Move every number that a module computes with away from its start."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            unit = std / GAIN if name.endswith("scaled") else std
            parameter.add_(unit * torch.randn(parameter.shape, generator=generator))
    return module
