"""Benchmark of ways to compute a masked 3x3x3 convolution: python scripts/bench_masked_conv.py [SIDE]

Compares, at 24, 64 and 128 channels, all 27 taps with zeros among them, the two slices that hold every causal tap
(18 taps, what `CausalConv3d` does), and the 14 causal taps alone as a matrix product (im2col) or as three convs. Prints
median and best times, the ratios of the best to the first, and the largest difference of the results.
"""

import statistics
import sys
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from aiwave.models.conv import CausalConv3d

CHANNELS = (24, 64, 128)
ROUNDS = 15
Kernel = Callable[[Tensor, CausalConv3d], Tensor]


def dense(x: Tensor, conv: CausalConv3d) -> Tensor:
    """All 27 taps, those not causal being zero: (B, C, D, H, W) -> the same shape."""
    kernel = F.pad(conv.weight * conv.mask, (0, 0, 0, 0, 0, 1))
    return F.conv3d(x, kernel, conv.bias, padding=1)


def two_slices(x: Tensor, conv: CausalConv3d) -> Tensor:
    """18 taps, four of them zero: (B, C, D, H, W) -> the same shape."""
    return conv(x)


def im2col(x: Tensor, conv: CausalConv3d) -> Tensor:
    """14 taps gathered into columns, then one matrix product: (B, C, D, H, W) -> the same shape."""
    batch, channels, *size = x.shape
    depth, height, width = size
    padded = F.pad(x, (1, 1, 1, 1, 1, 0))
    taps = [(int(a), int(b), int(c)) for a, b, c in conv.mask.nonzero()]
    views = [padded[:, :, a : a + depth, b : b + height, c : c + width] for a, b, c in taps]
    columns = torch.stack(views, dim=1).reshape(batch, len(taps) * channels, -1)
    weight = torch.stack([conv.weight[:, :, a, b, c] for a, b, c in taps], dim=1).flatten(1)
    bias = torch.zeros(len(weight)) if conv.bias is None else conv.bias
    return torch.baddbmm(bias.view(1, -1, 1), weight.expand(batch, -1, -1), columns).view(batch, -1, *size)


def three_convs(x: Tensor, conv: CausalConv3d) -> Tensor:
    """14 taps as a conv over the slice before, one over the row above and one over what is left of it."""
    weight = conv.weight
    depth, height, _ = x.shape[2:]
    padded = F.pad(x, (1, 1, 1, 1, 1, 0))
    behind = F.conv3d(padded[:, :, :depth], weight[:, :, :1], conv.bias)
    above = F.conv3d(padded[:, :, 1:, :height], weight[:, :, 1:, :1])
    return behind + above + F.conv3d(padded[:, :, 1:, 1:-1, :-1], weight[:, :, 1:, 1:2, :2])


KERNELS: dict[str, Kernel] = {
    "dense 27": dense,
    "slices 18": two_slices,
    "im2col 14": im2col,
    "3 convs 14": three_convs,
}


@torch.no_grad()
def compare(channels: int, side: int) -> None:
    """Print a line per kernel. The rounds alternate, so that other load on the machine hits all kernels alike."""
    torch.manual_seed(0)
    conv = CausalConv3d(channels, channels, include_centre=True).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    x = torch.randn(2, channels, side, side, side)
    reference = dense(x, conv)
    seconds: dict[str, list[float]] = {name: [] for name in KERNELS}
    for _ in range(ROUNDS):
        for name, kernel in KERNELS.items():
            started = time.perf_counter()
            kernel(x, conv)
            seconds[name].append(time.perf_counter() - started)
    for name, kernel in KERNELS.items():
        median, best = (1000 * f(seconds[name]) for f in (statistics.median, min))
        ratio = best / 1000 / min(seconds["dense 27"])
        difference = (kernel(x, conv) - reference).abs().max().item()
        print(f"{channels:8} {name:>10} {median:9.1f} {best:9.1f} {ratio:7.2f} {difference:12.1e}")


def main() -> None:
    """Print the table for volumes of `SIDE`^3 voxels (default 32), two at a time."""
    side = int(sys.argv[1]) if len(sys.argv) > 1 else 32
    print(f"{torch.get_num_threads()} threads, 2 volumes of {side}^3, {ROUNDS} rounds")
    print(f"{'channels':>8} {'kernel':>10} {'median ms':>9} {'best ms':>9} {'ratio':>7} {'difference':>12}")
    for channels in CHANNELS:
        compare(channels, side)


if __name__ == "__main__":
    main()
