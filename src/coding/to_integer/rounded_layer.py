"""Rounding of a float layer to an integer layer."""

import torch
from torch import Tensor

from ..constants import SINGLE
from ..integer_layer import IntegerLayer


def quantised_layer(
    weight: Tensor,
    bias: Tensor | None,
    fractions: tuple[int, int],
    limit: int,
    bits: tuple[int, int] = (8, 5),
) -> IntegerLayer:
    """Round a float layer, `weight` (N, K) and `bias` (N,).

    `fractions` are the fractional bits of input and output. The weights of an output channel count in units of a power
    of two, so that scaling back is a shift: the finest unit with which the largest weight has `bits[0]` bits and
    float32 is exact, but with no fewer than `bits[1]` bits; otherwise the layer is computed in float64. Raises
    ValueError for weights that are too large.
    """
    most, least = bits
    weight = weight.detach().double()
    offset = torch.zeros(len(weight), dtype=torch.float64) if bias is None else bias.detach().double()
    largest = weight.abs().amax(dim=1).clamp_min(2.0**-16)
    finest = torch.floor(torch.log2((2 ** (most - 1) - 0.5) / largest)).long()
    coarsest = (fractions[1] - fractions[0]) * torch.ones_like(finest)
    if bool((finest < coarsest).any()):
        raise ValueError(f"weights up to {largest.max():g} are too large for {most} bits")
    exponent = finest
    for _ in range(most - least + 1):
        layer = _rounded_layer(weight, offset, exponent, fractions, limit)
        too_large = torch.from_numpy(layer.bounds) >= SINGLE
        if not bool(too_large.any()):
            return layer
        exponent = torch.maximum(exponent - too_large.long(), coarsest)
    return _rounded_layer(weight, offset, finest, fractions, limit)


def _rounded_layer(
    weight: Tensor, offset: Tensor, exponent: Tensor, fractions: tuple[int, int], limit: int
) -> IntegerLayer:
    """The layer with weights in units of 2**-exponent, (N,)."""
    shift = exponent + fractions[0] - fractions[1]
    values = torch.round(weight * 2.0 ** exponent[:, None]).to(torch.int16)
    half = torch.where(shift > 0, 2 ** (shift - 1).clamp_min(0), 0)
    bias = torch.round(offset * 2.0 ** (exponent + fractions[0])).long() + half
    return IntegerLayer(values.T.contiguous().numpy(), bias.numpy(), shift.numpy(), limit)
