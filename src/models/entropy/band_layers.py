"""Outer layers of a context network, for a level's bands at once, with shared weights or weights for each band.

The layers for the coarser levels are the same for all bands and not among these.

All take and return stacks (B, n, ...) of the last n = 7 or 8 of a level's eight bands. A network is `oriented` if its
outer layers have separate weights for each of the eight, whatever the level: the informative neighbours of a band that
is high-pass along x differ from those of one that is high-pass along y.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..bands import BANDS
from ..conv import CausalConv3d, Conv3d, causal_mask, conv3d
from ..subbands import all_of_level, coded_before


class SharedOwn(CausalConv3d):
    """Features of a band's own causal coefficients: (B, n, K, d, h, w), K inputs for each -> (B, n, C, d, h, w)."""

    def __init__(self, channels: int, inputs: int = 1) -> None:
        super().__init__(inputs, channels, include_centre=False)

    def forward(self, stack: Tensor) -> Tensor:
        """See the class."""
        return super().forward(stack.flatten(0, 1)).unflatten(0, stack.shape[:2])


class SharedSiblings(Conv3d):
    """Features of the level's previously coded bands, with zeros for others: (B, n, d, h, w) -> (B, n, C, d, h, w)."""

    def __init__(self, channels: int) -> None:
        super().__init__(BANDS, channels)

    def forward(self, stack: Tensor) -> Tensor:
        """See the class."""
        count = stack.shape[1]
        before = coded_before(count, stack).view(1, count, BANDS, 1, 1, 1)
        every = all_of_level(stack).unsqueeze(1) * before
        return super().forward(every.flatten(0, 1)).unflatten(0, stack.shape[:2])


class SharedPoint(Conv3d):
    """Pointwise (1x1x1) layer: (B, n, C, d, h, w) -> (B, n, N, d, h, w)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, kernel=1)

    def forward(self, features: Tensor) -> Tensor:
        """See the class."""
        return super().forward(features.flatten(0, 1)).unflatten(0, features.shape[:2])


class Oriented(nn.Module):
    """A convolution for each of the eight bands: `weight` (8, N, K, kz, ky, kx) times `mask`, and `bias` (8, N).

    They start equal, or are inherited from a network with shared weights (see `load_weights`).
    """

    mask: Tensor

    def __init__(self, channels_in: int, channels_out: int, kernel: tuple[int, int, int], mask: Tensor) -> None:
        super().__init__()
        bound = 1 / math.sqrt(channels_in * math.prod(kernel))
        weight = torch.empty(channels_out, channels_in, *kernel).uniform_(-bound, bound)
        self.weight = nn.Parameter(weight.repeat(BANDS, 1, 1, 1, 1, 1))
        self.bias = nn.Parameter(torch.empty(channels_out).uniform_(-bound, bound).repeat(BANDS, 1))
        self.register_buffer("mask", mask, persistent=False)

    def of_last(self, count: int) -> tuple[Tensor, Tensor]:
        """Weights (count * N, K, kz, ky, kx) and biases (count * N,) of the last `count` bands."""
        weight = self.weight * self.mask
        return weight[-count:].flatten(0, 1), self.bias[-count:].flatten()


class OrientedOwn(Oriented):
    """Oriented version of `SharedOwn`."""

    def __init__(self, channels: int, inputs: int = 1) -> None:
        super().__init__(inputs, channels, (2, 3, 3), causal_mask(include_centre=False))

    def forward(self, stack: Tensor) -> Tensor:
        """See `SharedOwn`."""
        count = stack.shape[1]
        padded = F.pad(stack.flatten(1, 2), (0, 0, 0, 0, 1, 0))
        return conv3d(padded, *self.of_last(count), [0, 1, 1], count).unflatten(1, (count, -1))


class OrientedSiblings(Oriented):
    """Oriented version of `SharedSiblings`."""

    def __init__(self, channels: int) -> None:
        before = coded_before(BANDS, torch.empty(0)).view(BANDS, 1, BANDS, 1, 1, 1)
        super().__init__(BANDS, channels, (3, 3, 3), before)

    def forward(self, stack: Tensor) -> Tensor:
        """See `SharedSiblings`."""
        count = stack.shape[1]
        return conv3d(all_of_level(stack), *self.of_last(count), [1, 1, 1]).unflatten(1, (count, -1))


class OrientedPoint(Oriented):
    """Oriented version of `SharedPoint`."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, (1, 1, 1), torch.ones(1))

    def forward(self, features: Tensor) -> Tensor:
        """See `SharedPoint`."""
        count = features.shape[1]
        return conv3d(features.flatten(1, 2), *self.of_last(count), [0, 0, 0], count).unflatten(1, (count, -1))


def deeper(channels: int) -> nn.Sequential:
    """Residual branch of two oriented layers, which initially adds nothing."""
    last = OrientedPoint(2 * channels, channels)
    for parameter in last.parameters():
        nn.init.zeros_(parameter)
    return nn.Sequential(nn.ReLU(), OrientedPoint(channels, 2 * channels), nn.ReLU(), last)
