"""Conversion of a trained lifting transform to the lossless integer transform."""

import math
from typing import cast

import numpy as np
import torch
from torch import nn

from ...errors import AiwaveError
from ...models.conv import Conv3d
from ...models.transform.lifting import LiftingNet, LiftingScheme, LiftingStep
from ...models.transform.wavelet_transform import WaveletTransform
from ..constants import (
    FEATURE_FRACTION,
    FEATURE_LIMIT,
    FEATURE_RANGE,
    INPUT_FRACTION,
    INPUT_LIMIT,
    TANH_FRACTION,
    TANH_LIMIT,
    TAP_FRACTION,
)
from ..integer_layer import IntegerLayer
from ..integer_reversible import Factor, IntegerReversible
from .rounded_layer import quantised_layer

FINE = (12, 12)
"""Bits per weight of the first and the last layer, which are computed in float64."""

INNER = (8, 7)

FACTOR_BITS = 16

OUTPUT_BITS = 23
"""Most bits of the last layer's outputs, whose unit is the finest with which they fit."""


def integer_reversible(transform: WaveletTransform) -> IntegerReversible:
    """Round a plain or additive transform. Raises ValueError if it has no integer form."""
    if transform.affine:
        raise ValueError("affine lifting is not reversible on integers: for lossless coding use additive or cdf53")
    schemes = [cast(LiftingScheme, scheme).lifting_steps() for scheme in transform.schemes]
    steps = {f"{k}.{n}.": step for k, scheme in enumerate(schemes) for n, step in enumerate(scheme)}
    nets = {prefix: step.net for prefix, step in steps.items() if isinstance(step.net, LiftingNet)}
    if any(step.net is not None and not isinstance(step.net, LiftingNet) for step in steps.values()):
        raise ValueError("its networks have no integer form: train with lifting=damped or published")
    layers: dict[str, IntegerLayer] = {}
    factors = np.zeros((len(schemes), len(schemes[0]), 4), np.int64)
    for row, prefix in zip(factors.reshape(-1, 4), steps, strict=True):
        if prefix in nets:
            own, scales = _net(nets[prefix])
            layers |= {prefix + name: layer for name, layer in own.items()}
            row[:] = [number for scale in scales for number in (scale.mantissa, scale.shift)]
    some = next(iter(nets.values()), None)
    return IntegerReversible(
        levels=transform.levels,
        sharing=str(transform.sharing),
        boundary=str(schemes[0][0].boundary),
        padding="zeros" if some is None else some.shift_head.padding_name,
        input_padding="zeros" if some is None else some.first.padding_name,
        taps=np.array([[_taps(step) for step in scheme] for scheme in schemes]),
        factors=factors,
        layers=layers,
    )


def _taps(step: LiftingStep) -> np.ndarray:
    return torch.round(step.taps.detach().cpu().double() * 2**TAP_FRACTION).long().numpy()


def _net(net: LiftingNet) -> tuple[dict[str, IntegerLayer], tuple[Factor, Factor]]:
    """The layers of a network by name, and the factors that scale its input and output."""
    blocks = [list(cast(nn.Sequential, block)) for block in net.inner]
    if not all(isinstance(activation, nn.Tanh) for activation, _ in blocks):
        raise ValueError("a lifting network has an integer form only with Tanh")
    layers = {"first": _layer(net.first, (INPUT_FRACTION, FEATURE_FRACTION), INPUT_LIMIT, FINE)}
    for index, (_, conv) in enumerate(blocks):
        layers[f"inner{index}"] = _layer(cast(Conv3d, conv), (TANH_FRACTION, FEATURE_FRACTION), TANH_LIMIT, INNER)
    most = sum(float(part.detach().abs().sum()) for part in net.shift_head.parameters()) * FEATURE_RANGE
    fraction = math.floor(OUTPUT_BITS - math.log2(max(most, 1.0)))
    layers["head"] = _layer(net.shift_head, (FEATURE_FRACTION, fraction), FEATURE_LIMIT, FINE)
    return layers, (
        _factor(2.0 ** (INPUT_FRACTION - TAP_FRACTION) / net.intensity_scale),
        _factor(2.0 ** (TAP_FRACTION - fraction) * net.intensity_scale * net.damping),
    )


def _layer(conv: Conv3d, fractions: tuple[int, int], limit: int, bits: tuple[int, int]) -> IntegerLayer:
    """The layer of a convolution, with inputs in the order (tap, channel)."""
    weight = conv.weight.flatten(2).transpose(1, 2).flatten(1)
    return quantised_layer(weight, conv.bias, fractions, limit, bits)


def _factor(value: float) -> Factor:
    """A positive number as a factor with at least 16 significant bits."""
    shift = max(1, FACTOR_BITS - math.frexp(value)[1])
    return Factor(round(value * 2.0**shift), shift)


def integer_transform(transform: WaveletTransform) -> IntegerReversible:
    """Round a trained transform for lossless coding. Raises AiwaveError if it has no integer form."""
    try:
        return integer_reversible(transform)
    except ValueError as error:
        raise AiwaveError(f"This transform cannot code losslessly: {error}.") from error
