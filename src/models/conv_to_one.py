"""A 3x3x3 convolution with one output channel as a matrix product and 27 shifted sums."""

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor

SLAB = 2**15
"""Positions processed at a time, at least a plane: sized for a processor's cache."""

FEWEST = 8
"""Number of input channels below which this is not faster."""


def suits_one(x: Tensor, weight: Tensor, padding: Sequence[int]) -> bool:
    """True if `conv_to_one` supports this convolution and is faster than the library.

    Libraries compute as many output channels as a vector register has lanes, so that one takes as long as 16.
    """
    plain = x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_grad_enabled()
    cube = tuple(weight.shape[2:]) == (3, 3, 3) and list(padding) == [1] * 3
    return plain and cube and len(weight) == 1 and x.shape[1] >= FEWEST


def conv_to_one(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """(B, C, D, H, W) and a kernel (1, C, 3, 3, 3) -> (B, 1, D, H, W); zero outside."""
    by_tap = weight.permute(2, 3, 4, 0, 1).reshape(27, -1)
    out = x.new_zeros(len(x), *x.shape[2:])
    if bias is not None:
        out += bias
    planes = max(1, SLAB // (x.shape[3] * x.shape[4]))
    for volume, target in zip(x, out, strict=True):
        for first in range(0, x.shape[2], planes):
            slab = volume[:, first : first + planes]
            parts = (by_tap @ slab.reshape(x.shape[1], -1)).view(3, 3, 3, *slab.shape[1:])
            _spread(parts, target, first)
    return out.unsqueeze(1)


def _spread(parts: Tensor, out: Tensor, first: int) -> None:
    """Add a slab's contributions (3, 3, 3, d, H, W) to the neighbours; its plane 0 is plane `first` of (D, H, W)."""
    count, height, width = parts.shape[3:]
    for z, y, x in product(range(3), repeat=3):
        (to_z, from_z), (to_y, from_y), (to_x, from_x) = (
            _shifted(first + 1 - z, count, len(out)),
            _shifted(1 - y, height, height),
            _shifted(1 - x, width, width),
        )
        out[to_z, to_y, to_x] += parts[z, y, x][from_z, from_y, from_x]


def _shifted(offset: int, count: int, size: int) -> tuple[slice, slice]:
    """Slices of `count` places moved by `offset`: within `size`, and within the places themselves."""
    first, last = max(offset, 0), min(offset + count, size)
    return slice(first, last), slice(first - offset, last - offset)
