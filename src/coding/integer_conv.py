"""Integer convolutions, and the check that float32 computes them exactly on this machine."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import AiwaveError
from ..models.conv import conv3d, pad_faces
from .constants import CUBE
from .integer_layer import IntegerLayer
from .integer_reversible import channels_of


@cache
def _probe() -> tuple[Tensor, Tensor, Tensor]:
    """Integer matrices whose product needs 24 bits, and that product: (256, 448), (448, 32), (256, 32) float32."""
    x = (torch.arange(256 * 448) * 7919 % 2048).view(256, 448)
    weight = (torch.arange(448 * 32) * 31 % 15 - 7).view(448, 32)
    return x.float(), weight.float(), (x @ weight).float()


@cache
def _volume_probe() -> tuple[Tensor, Tensor, Tensor]:
    """A volume (2, 16, 6, 7, 8), a kernel (16, 16, 3, 3, 3) and their convolution: float32 integers of 24 bits."""
    x = (torch.arange(2 * 16 * 336) * 7919 % 1025 - 512).view(2, 16, 6, 7, 8)
    weight = (torch.arange(16 * 432) * 31 % 127 - 63).view(16, 16, 3, 3, 3)
    patches = F.pad(x, [1] * 6).unfold(2, 3, 1).unfold(3, 3, 1).unfold(4, 3, 1)
    rows = patches.permute(0, 2, 3, 4, 1, 5, 6, 7).reshape(-1, 432)
    result = (rows @ weight.flatten(1).T).view(2, 6, 7, 8, 16).permute(0, 4, 1, 2, 3)
    return x.float(), weight.float(), result.float()


@torch.no_grad()
def require_exact_convolutions() -> None:
    """Raise AiwaveError if convolutions round, be it their inputs or in a transformed domain."""
    x, weight, expected = _volume_probe()
    both, single = (conv3d(part, weight, None, [1] * 3) for part in (x, x[:1]))
    if not (torch.equal(both, expected) and torch.equal(single, expected[:1])):
        raise AiwaveError(
            "Convolutions are not exact here, so files cannot be coded: "
            "call torch.set_float32_matmul_precision('highest')."
        )


def require_exact_products() -> None:
    """Raise AiwaveError if PyTorch is set to round the inputs of matrix products (to bfloat16 or TF32)."""
    x, weight, expected = _probe()
    if not torch.equal(torch.addmm(torch.zeros(32), x, weight), expected):
        raise AiwaveError(
            "Matrix products are not exact here, so files cannot be coded: "
            "call torch.set_float32_matmul_precision('highest')."
        )


SLAB = 2**16
"""Positions per slab; a slab has at least one plane."""


@dataclass(frozen=True)
class IntegerConv:
    """A 3x3x3 convolution: a layer with inputs in the order (tap, channel), and a padding mode of `torch.nn.Conv3d`.

    Every sum is exact in the layer's type, so the three ways to compute it agree, whatever the order of summation.
    """

    layer: IntegerLayer
    padding: str

    @property
    def channels(self) -> tuple[int, int]:
        """Numbers of input and output channels."""
        return channels_of(self.layer)

    def __call__(self, x: Tensor) -> Tensor:
        """(B, C, D, H, W) -> (B, N, D, H, W): integers in float32 or float64 -> integers in float32."""
        if self.channels[0] == 1:
            return self._from_one(x)
        return self._to_one(x) if self.channels[1] == 1 else self._dense(x)

    def _dense(self, x: Tensor) -> Tensor:
        """Convolve with PyTorch's own convolution."""
        weight, bias, factor = self.layer.operands
        kernel = weight.view(3, 3, 3, *self.channels).permute(4, 3, 0, 1, 2).contiguous()
        zeros = self.padding == "zeros"
        padded = x if zeros else pad_faces(x, 1, self.padding)
        total = conv3d(padded.to(self.layer.dtype), kernel, bias, [int(zeros)] * 3)
        return total.mul_(factor.view(-1, 1, 1, 1)).floor_().to(torch.float32)

    def _from_one(self, x: Tensor) -> Tensor:
        """Convolve one input channel: neighbours side by side (im2col), then a matrix product."""
        out = x.new_empty(len(x), *x.shape[2:], self.channels[1], dtype=torch.float32)
        for index, first, last, slab in self._slabs(x):
            windows = slab[0].unfold(0, 3, 1).unfold(1, 3, 1).unfold(2, 3, 1)
            columns = windows.permute(3, 4, 5, 0, 1, 2).reshape(CUBE, -1)
            out[index, first:last] = self.layer(columns.T).view(last - first, *x.shape[3:], -1)
        return out.permute(0, 4, 1, 2, 3)

    def _to_one(self, x: Tensor) -> Tensor:
        """Convolve to one output channel: a matrix product gives each position's contributions to its neighbours."""
        weight, bias, _ = self.layer.operands
        by_tap = weight.view(CUBE, -1)
        out = x.new_empty(len(x), 1, *x.shape[2:], dtype=torch.float32)
        for index, first, last, slab in self._slabs(x):
            rows = slab.permute(1, 2, 3, 0).to(weight.dtype).reshape(-1, by_tap.shape[1])
            total = _collected((by_tap @ rows.T).view(CUBE, *slab.shape[1:]))
            out[index, 0, first:last] = self.layer.finish(total + bias)
        return out

    def _slabs(self, x: Tensor) -> Iterator[tuple[int, int, int, Tensor]]:
        """Index of the volume, first and last plane (exclusive) of a slab, and its planes with a margin of one."""
        planes = max(1, SLAB // (x.shape[3] * x.shape[4]))
        for index, volume in enumerate(pad_faces(x, 1, self.padding)):
            for first in range(0, x.shape[2], planes):
                last = min(first + planes, x.shape[2])
                yield index, first, last, volume[:, first : last + 2]


def _collected(parts: Tensor) -> Tensor:
    """(27, d + 2, h + 2, w + 2) -> (d, h, w): the sum over taps of their volumes, each shifted by its tap's offset."""
    depth, height, width = (length - 2 for length in parts.shape[1:])
    total = parts.new_zeros(depth, height, width)
    for part, (z, y, x) in zip(parts, product(range(3), repeat=3), strict=True):
        total += part[z : z + depth, y : y + height, x : x + width]
    return total
