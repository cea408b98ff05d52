"""3-D convolutions that stay fast for few channels, and the causal convolution of context models."""

from collections.abc import Sequence
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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


SMALLEST_BFLOAT16 = 4


class Conv3d(nn.Conv3d):
    """`torch.nn.Conv3d` over (B, C, D, H, W), with padding that keeps the size and a fast path for one volume.

    PyTorch sends batches of one volume with fewer than about 24 channels to a kernel several times slower than
    oneDNN; here they go to oneDNN directly (float32 on CPU, no gradient). `padding` is a padding mode of
    `torch.nn.Conv3d`; `reflect` falls back to `replicate` along axes that are too short to be mirrored.
    """

    def __init__(self, channels_in: int, channels_out: int, kernel: int = 3, padding: str = "zeros") -> None:
        super().__init__(channels_in, channels_out, kernel)
        self.margin = kernel // 2
        self.padding_name = padding

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels_in, D, H, W) -> (B, channels_out, D, H, W), the input's dtype."""
        if self.padding_name == "zeros" or self.margin == 0:
            return conv3d(x, self.weight, self.bias, [self.margin] * 3)
        return conv3d(pad_faces(x, self.margin, self.padding_name), self.weight, self.bias, [0, 0, 0])


class CausalConv3d(nn.Module):
    """A 3x3x3 convolution that sees only voxels before the current one in raster order (D, H, W).

    Source: van den Oord et al., "Pixel recurrent neural networks" (2016), masks A and B, in three dimensions.
    `include_centre=False` is mask A: 13 taps; True is mask B: 14 taps. The slice behind the current one holds no
    causal tap, so the kernel has 2x3x3 entries.
    """

    mask: Tensor

    def __init__(self, channels_in: int, channels_out: int, include_centre: bool) -> None:
        super().__init__()
        reference = nn.Conv3d(channels_in, channels_out, (2, 3, 3))
        self.weight = reference.weight
        self.bias = reference.bias
        self.register_buffer("mask", causal_mask(include_centre), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels_in, D, H, W) -> (B, channels_out, D, H, W); zero outside."""
        padded = F.pad(x, (0, 0, 0, 0, 1, 0))
        return conv3d(padded, self.weight * self.mask, self.bias, [0, 1, 1])


def causal_mask(include_centre: bool) -> Tensor:
    """(2, 3, 3): one for the taps before the current voxel (and for itself), zero for those after it."""
    mask = torch.ones(18)
    mask[13 + int(include_centre) :] = 0
    return mask.view(2, 3, 3)


def zero_initialised(conv: Conv3d) -> Conv3d:
    """Set weight and bias to zero, so that the layer's branch initially adds nothing."""
    for parameter in conv.parameters():
        nn.init.zeros_(parameter)
    return conv


def pad_faces(x: Tensor, margin: int, mode: str) -> Tensor:
    """Pad `margin` voxels beyond every face of (B, C, D, H, W), in a padding mode of `torch.nn.Conv3d`."""
    if mode == "zeros":
        return F.pad(x, [margin] * 6)
    for axis in (2, 3, 4):
        pads = [0] * 6
        pads[2 * (4 - axis)] = pads[2 * (4 - axis) + 1] = margin
        short = mode == "reflect" and x.shape[axis] <= margin
        x = F.pad(x, pads, mode="replicate" if short else mode)
    return x


def conv3d(x: Tensor, weight: Tensor, bias: Tensor | None, padding: Sequence[int], groups: int = 1) -> Tensor:
    """Convolve with the fastest available kernel; shapes are those of `torch.nn.functional.conv3d`.

    Volumes below four voxels a side stay in float32: oneDNN's bfloat16 gradient of their weights contains uninitialised
    values (seen with PyTorch 2.13).
    """
    if torch.is_autocast_enabled(x.device.type) and x.device.type == "cpu" and min(x.shape[2:]) < SMALLEST_BFLOAT16:
        with torch.autocast("cpu", enabled=False):
            return F.conv3d(x.float(), weight.float(), bias, padding=list(padding), groups=groups)
    if groups == 1 and suits_one(x, weight, padding):
        return conv_to_one(x, weight, bias)
    slow = x.shape[0] == 1 and x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_grad_enabled()
    if slow and torch.backends.mkldnn.is_available():
        ones = [1, 1, 1]
        return torch.mkldnn_convolution(x, weight, bias, list(padding), ones, ones, groups)
    return F.conv3d(x, weight, bias, padding=list(padding), groups=groups)
