"""Separable transform: a one-dimensional split along every axis, over several levels."""

from collections.abc import Callable
from typing import Protocol, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..subbands import Subbands, bands_of
from .boundary import interleaved
from .layout import SCHEME_OF_PART, Sharing


class Scheme(Protocol):
    """Splits (B, 1, n, a, b) along axis 2 into (B, 1, n - n // 2, a, b) and (B, 1, n // 2, a, b), and undoes it."""

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Split into the low and the high half."""

    def inverse(self, low: Tensor, high: Tensor) -> Tensor:
        """Merge the halves."""


class SeparableTransform(nn.Module):
    """A level splits z, then y of both halves, then x of all quarters; the next level splits LLL again.

    All levels use the same `schemes`, each for the directions that `sharing` assigns to it. Reconstruction is perfect
    for any size if every scheme is invertible. Raises ValueError for less than one level.
    """

    def __init__(self, levels: int, sharing: Sharing, make_scheme: Callable[[], nn.Module]) -> None:
        super().__init__()
        if levels < 1:
            raise ValueError(f"levels must be at least 1, not {levels}")
        self.levels = levels
        self.sharing = sharing
        self.scheme_of_part = SCHEME_OF_PART[sharing]
        count = 1 + max(max(row) for row in self.scheme_of_part)
        self.schemes = nn.ModuleList(make_scheme() for _ in range(count))

    def forward(self, x: Tensor) -> Subbands:
        """(B, 1, D, H, W) in intensity units -> subbands, critically sampled."""
        approx, details = x, list[Tensor]()
        for _ in range(self.levels):
            parts = [approx]
            for axis in range(3):
                parts = self._split(parts, axis)
            approx = parts[0]
            details.insert(0, torch.cat([_filled_up(part, approx) for part in parts[1:]], dim=1))
        depth, height, width = x.shape[2:]
        return Subbands(approx, tuple(details), (depth, height, width))

    def inverse(self, subbands: Subbands) -> Tensor:
        """Subbands -> (B, 1, D, H, W)."""
        approx = subbands.approx
        for detail, size in zip(subbands.details, subbands.splits, strict=True):
            parts = [approx, *bands_of(detail, size)]
            for axis in (2, 1, 0):
                parts = self._merge(parts, axis)
            approx = parts[0]
        return approx

    def _split(self, parts: list[Tensor], axis: int) -> list[Tensor]:
        halves: list[Tensor] = []
        for scheme, group in self._groups([(part,) for part in parts], axis):
            x = _swap(torch.cat([part for (part,) in group]), axis)
            low, high = scheme(x) if x.numel() else (x[:, :, 0::2], x[:, :, 1::2])
            lows, highs = (_swap(half, axis).chunk(len(group)) for half in (low, high))
            halves += [half for pair in zip(lows, highs, strict=True) for half in pair]
        return halves

    def _merge(self, halves: list[Tensor], axis: int) -> list[Tensor]:
        parts: list[Tensor] = []
        for scheme, group in self._groups(list(zip(halves[0::2], halves[1::2], strict=True)), axis):
            low, high = (_swap(torch.cat(half), axis) for half in zip(*group, strict=True))
            x = scheme.inverse(low, high) if low.numel() else interleaved(low, high)
            parts += _swap(x, axis).chunk(len(group))
        return parts

    def _groups(self, parts: list[tuple[Tensor, ...]], axis: int) -> list[tuple[Scheme, list[tuple[Tensor, ...]]]]:
        """Adjacent parts grouped into batches where they have the same size and share a scheme."""
        groups: list[tuple[Scheme, list[tuple[Tensor, ...]]]] = []
        for part, index in zip(parts, self.scheme_of_part[axis], strict=True):
            scheme = cast(Scheme, self.schemes[index])
            if groups and groups[-1][0] is scheme and groups[-1][1][0][0].shape == part[0].shape:
                groups[-1][1].append(part)
            else:
                groups.append((scheme, [part]))
        return groups


def _filled_up(part: Tensor, like: Tensor) -> Tensor:
    """Zero-pad the far ends of (B, 1, d, h, w) to the size of another part."""
    missing = [n - own for n, own in zip(like.shape[2:], part.shape[2:], strict=True)]
    return F.pad(part, [pad for count in reversed(missing) for pad in (0, count)]) if any(missing) else part


def _swap(x: Tensor, axis: int) -> Tensor:
    """Move spatial axis 0, 1 or 2 to the front, where lifting operates; its own inverse."""
    return x.transpose(2, 2 + axis)
