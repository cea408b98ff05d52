"""3-D convolutions that stay fast for few channels, and the causal convolution of context models."""

from collections.abc import Sequence
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .thin_conv import conv_from_one, conv_to_one

ENOUGH = 24
"""Number of channels from which the library is as fast for one volume as for several."""

FEWEST = 8
"""Number of channels on the other side below which matrix products are not faster for one channel."""

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


@cache
def multiplies_bfloat16() -> bool:
    """True if this machine's processor multiplies bfloat16."""
    capable = torch.cpu.get_capabilities()
    return bool(capable.get("avx512_bf16") or capable.get("amx_bf16"))


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
    if mode in ("zeros", "replicate"):
        return F.pad(x, [margin] * 6, mode="constant" if mode == "zeros" else mode)
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
    on_cpu, mixed = x.device.type == "cpu", torch.is_autocast_enabled(x.device.type)
    if on_cpu and mixed and (min(x.shape[2:]) < SMALLEST_BFLOAT16 or _is_thin(x, weight, padding, groups)):
        with torch.autocast("cpu", enabled=False):
            return conv3d(x.float(), weight.float(), bias, padding, groups)
    plain = on_cpu and x.dtype == torch.float32
    alone = plain and len(x) == 1 and torch.backends.mkldnn.is_available()
    if plain and not mixed and groups == 1:
        if suits_to_one(x, weight, padding):
            return conv_to_one(x, weight, bias)
        if suits_from_one(weight):
            return conv_from_one(F.pad(x, [n for n in reversed(padding) for _ in range(2)]), weight, bias)
        if alone and torch.is_grad_enabled() and len(weight) < ENOUGH and x.shape[2] > weight.shape[2]:
            return conv_in_halves(x, weight, bias, padding)
    if alone and not torch.is_grad_enabled() and not torch.compiler.is_compiling():
        ones = [1, 1, 1]
        return torch.mkldnn_convolution(x, weight, bias, list(padding), ones, ones, groups)
    return F.conv3d(x, weight, bias, padding=list(padding), groups=groups)


def _is_thin(x: Tensor, weight: Tensor, padding: Sequence[int], groups: int) -> bool:
    """True if a convolution has one channel on one side, and matrix products in float32 are faster than the library."""
    return groups == 1 and (suits_to_one(x, weight, padding) or suits_from_one(weight))


def conv_in_halves(x: Tensor, weight: Tensor, bias: Tensor | None, padding: Sequence[int]) -> Tensor:
    """Convolve one volume as a batch of two halves: one volume with few channels takes the slow kernel."""
    x = F.pad(x, (0, 0, 0, 0, padding[0], padding[0]))
    planes = x.shape[2] - weight.shape[2] + 1
    half = (planes + 1) // 2
    overlapping = half + weight.shape[2] - 1
    halves = torch.cat((x[:, :, :overlapping], x[:, :, -overlapping:]))
    first, second = F.conv3d(halves, weight, bias, padding=[0, *padding[1:]]).split(1)
    return torch.cat((first, second[:, :, 2 * half - planes :]), dim=2)


def suits_to_one(x: Tensor, weight: Tensor, padding: Sequence[int]) -> bool:
    """True if `conv_to_one` supports this convolution and is faster than the library."""
    cube = tuple(weight.shape[2:]) == (3, 3, 3) and list(padding) == [1] * 3
    return cube and len(weight) == 1 and x.shape[1] >= FEWEST


def suits_from_one(weight: Tensor) -> bool:
    """True if `conv_from_one` supports this convolution and is faster than the library: backwards, not forwards."""
    trained = torch.is_grad_enabled() and weight.requires_grad
    return trained and weight.shape[1] == 1 and len(weight) >= FEWEST and tuple(weight.shape[2:]) == (3, 3, 3)
