"""Convolutions 3x3x3 from or to one channel as matrix products, forwards and backwards.

Libraries compute as many channels as a vector register has lanes, so that one takes as long as 16. Here the side with
one channel is gathered or scattered tap by tap, and a matrix product does the rest. float32 on a CPU.
"""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

TAPS = 27

SLAB = 2**16
"""Positions processed at a time, at least a plane: sized for a processor's cache."""

Gradients = tuple[Tensor | None, Tensor | None, Tensor | None]


def conv_to_one(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """(B, C, D, H, W) and a kernel (1, C, 3, 3, 3) -> (B, 1, D, H, W); zero outside."""
    out: Tensor = _ToOne.apply(x, weight, bias)
    return out


def conv_from_one(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """(B, 1, D + 2, H + 2, W + 2) and a kernel (C, 1, 3, 3, 3) -> (B, C, D, H, W)."""
    out: Tensor = _FromOne.apply(x, weight, bias)
    return out


class _ToOne(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.has_bias = bias is not None
        padded = _scattered(x, _by_tap(weight).flip(0))
        out = padded[:, :, 1:-1, 1:-1, 1:-1]
        return out.contiguous() if bias is None else out + bias

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Gradients:
        x, weight = ctx.saved_tensors
        (gradient,) = gradients
        taps = _gathered(F.pad(gradient, [1] * 6))
        of_x = of_weight = None
        if ctx.needs_input_grad[0]:
            of_x = _to_volumes(taps.t() @ _by_tap(weight).flip(0), x)
        if ctx.needs_input_grad[1]:
            of_weight = (taps @ _to_rows(x)).flip(0).t().reshape(weight.shape)
        return of_x, of_weight, gradient.sum().view(1) if ctx.has_bias else None


class _FromOne(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.has_bias = bias is not None
        if torch.backends.mkldnn.is_available():
            return torch.mkldnn_convolution(x, weight, bias, [0] * 3, [1] * 3, [1] * 3, 1)  # only slow backwards
        return F.conv3d(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Gradients:
        x, weight = ctx.saved_tensors
        rows = _to_rows(gradients[0])
        of_x = of_weight = None
        if ctx.needs_input_grad[0]:
            of_x = _scattered(gradients[0], weight.reshape(-1, TAPS).t())
        if ctx.needs_input_grad[1]:
            of_weight = (_gathered(x) @ rows).t().reshape(weight.shape)
        return of_x, of_weight, rows.sum(0) if ctx.has_bias else None


def _by_tap(weight: Tensor) -> Tensor:
    """A kernel (1, C, 3, 3, 3) -> (27, C)."""
    return weight.permute(2, 3, 4, 0, 1).reshape(TAPS, -1)


def _to_rows(x: Tensor) -> Tensor:
    """(B, C, D, H, W) -> (B * D * H * W, C); no copy if the channels are last in memory."""
    return x.permute(0, 2, 3, 4, 1).reshape(-1, x.shape[1])


def _to_volumes(rows: Tensor, like: Tensor) -> Tensor:
    """The inverse of `_to_rows` for volumes of the size of `like`."""
    return rows.view(len(like), *like.shape[2:], -1).permute(0, 4, 1, 2, 3)


def _gathered(padded: Tensor) -> Tensor:
    """(B, 1, D + 2, H + 2, W + 2) -> what every tap sees, (27, B * D * H * W)."""
    depth, height, width = (n - 2 for n in padded.shape[2:])
    seen = padded[:, 0].unfold(1, depth, 1).unfold(2, height, 1).unfold(3, width, 1)
    return seen.permute(1, 2, 3, 0, 4, 5, 6).reshape(TAPS, -1)


def _scattered(x: Tensor, kernel: Tensor) -> Tensor:
    """(B, C, D, H, W), each position times (27, C) added to the 27 places around it -> padded (B, 1, D + 2, ...)."""
    depth, height, width = x.shape[2:]
    out = x.new_zeros(len(x), depth + 2, height + 2, width + 2)
    for volumes, planes in _slabs(x):
        slab = x[volumes, :, planes]
        parts = (kernel @ _to_rows(slab).t()).view(3, 3, 3, len(slab), *slab.shape[2:])
        for axis in (-1, -2, -3):
            parts = _overlapping(parts, axis)
        out[volumes, planes.start : planes.stop + 2] += parts
    return out.unsqueeze(1)


def _slabs(x: Tensor) -> Iterator[tuple[slice, slice]]:
    """Slices of volumes and of their planes, of at most SLAB positions: whole volumes if they are small."""
    depth, plane = x.shape[2], x.shape[3] * x.shape[4]
    planes = min(depth, max(1, SLAB // plane))
    volumes = max(1, SLAB // (plane * depth)) if planes == depth else 1
    for first in range(0, len(x), volumes):
        for start in range(0, depth, planes):
            yield slice(first, first + volumes), slice(start, min(start + planes, depth))


def _overlapping(parts: Tensor, axis: int) -> Tensor:
    """Three parts (..., 3, B, d, h, w), shifted against each other by 0, 1 and 2 along an axis and added up."""
    parts = parts.movedim(-5, 0)
    size = list(parts.shape[1:])
    count = size[axis]
    size[axis] += 2
    total = parts.new_zeros(size)
    for shift, part in enumerate(parts):
        total.narrow(axis, shift, count).add_(part)
    return total
