"""A one-dimensional split along every axis, over several levels."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Protocol, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .subbands import Subbands


class Sharing(StrEnum):
    """Which directions share one scheme.

    `sections` is for volumes whose neighbouring sections hardly resemble each other: along z, the scheme starts by
    merely sorting them into even and odd (the lazy wavelet).
    """

    ISOTROPIC = "isotropic"
    AXIAL = "axial"
    NONE = "none"
    SECTIONS = "sections"


SCHEME_OF_PART: dict[Sharing, tuple[tuple[int, ...], ...]] = {
    Sharing.ISOTROPIC: ((0,), (0, 0), (0, 0, 0, 0)),
    Sharing.AXIAL: ((0,), (1, 1), (1, 1, 1, 1)),
    Sharing.NONE: ((0,), (1, 2), (3, 4, 5, 6)),
    Sharing.SECTIONS: ((0,), (1, 1), (1, 1, 1, 1)),
}
"""Per axis z, y, x: the scheme that splits each part left by the axes before it."""


class Scheme(Protocol):
    """Splits (B, 1, 2n, a, b) along axis 2 into two halves (B, 1, n, a, b), and undoes it."""

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Split into the low and the high half."""

    def inverse(self, low: Tensor, high: Tensor) -> Tensor:
        """Put the halves together."""


class SeparableTransform(nn.Module):
    """One level splits z, then y of both halves, then x of all quarters; the next splits LLL again.

    All levels use the same `schemes`, each for the directions that `sharing` gives it. Perfect reconstruction holds if
    every scheme inverts. Raises ValueError for less than one level.
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
        """(B, 1, D, H, W) in intensity units -> subbands. Sizes that 2**levels does not divide are extended."""
        approx = pad_to_multiple(x, 2**self.levels)
        details: list[Tensor] = []
        for _ in range(self.levels):
            parts = [approx]
            for axis in range(3):
                parts = self._split(parts, axis)
            approx = parts[0]
            details.insert(0, torch.cat(parts[1:], dim=1))
        return Subbands(approx, tuple(details))

    def inverse(self, subbands: Subbands, size: Sequence[int] | None = None) -> Tensor:
        """Subbands -> (B, 1, D, H, W), cropped to `size` (D, H, W) when given."""
        approx = subbands.approx
        for detail in subbands.details:
            parts = [approx, *detail.split(1, dim=1)]
            for axis in (2, 1, 0):
                parts = self._merge(parts, axis)
            approx = parts[0]
        if size is None:
            return approx
        depth, height, width = size
        return approx[:, :, :depth, :height, :width]

    def _split(self, parts: list[Tensor], axis: int) -> list[Tensor]:
        halves: list[Tensor] = []
        for scheme, group in self._groups(parts, axis):
            low, high = scheme(_swap(torch.cat(group), axis))
            lows, highs = (_swap(half, axis).chunk(len(group)) for half in (low, high))
            halves += [half for pair in zip(lows, highs, strict=True) for half in pair]
        return halves

    def _merge(self, halves: list[Tensor], axis: int) -> list[Tensor]:
        parts: list[Tensor] = []
        pairs = list(zip(halves[0::2], halves[1::2], strict=True))
        for scheme, group in self._groups(pairs, axis):
            low, high = (_swap(torch.cat(half), axis) for half in zip(*group, strict=True))
            parts += _swap(scheme.inverse(low, high), axis).chunk(len(group))
        return parts

    def _groups(self, parts: list, axis: int) -> list[tuple[Scheme, list]]:
        """Neighbouring parts that share a scheme run as one batch."""
        groups: list[tuple[Scheme, list]] = []
        for part, index in zip(parts, self.scheme_of_part[axis], strict=True):
            scheme = cast(Scheme, self.schemes[index])
            if groups and groups[-1][0] is scheme:
                groups[-1][1].append(part)
            else:
                groups.append((scheme, [part]))
        return groups


def pad_to_multiple(x: Tensor, multiple: int, mirrored: bool = True) -> Tensor:
    """Extend (B, C, D, H, W) at the far ends by mirroring, up to the next multiple along every axis.

    An axis too short to be mirrored repeats its last sample; all do if not `mirrored`.
    """
    for axis in (2, 3, 4):
        missing = -x.shape[axis] % multiple
        pads = [0] * 6
        pads[2 * (4 - axis) + 1] = missing
        if missing:
            x = F.pad(x, pads, mode="reflect" if mirrored and missing < x.shape[axis] else "replicate")
    return x


def _swap(x: Tensor, axis: int) -> Tensor:
    """Bring spatial axis 0, 1 or 2 to the front, where lifting works; its own inverse."""
    return x.transpose(2, 2 + axis)
