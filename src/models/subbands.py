"""The coefficients of a 3-D wavelet decomposition."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .bands import BANDS, DETAILS, Size, band_size, detail_sizes, splits


@dataclass(frozen=True)
class Subbands:
    """A decomposition of volumes of `size` (D, H, W), of any length along any axis, with `len(details)` levels.

    `approx` is (B, 1, d, h, w): the LLL band of the coarsest level. `details` is ordered from the coarsest level to the
    finest; each is (B, 7, d, h, w) with the bands in the order of `BAND_LETTERS[1:]`. A level splits n samples along an
    axis into n - n // 2 low-pass and n // 2 high-pass ones: if n is odd, high bands lack the last position (see
    `band_size`) and have zeros there. Values are in intensity units, or in quantisation steps once quantised. Without
    `size`, every level splits even lengths.
    """

    approx: Tensor
    details: tuple[Tensor, ...]
    size: Size = (0, 0, 0)

    def __post_init__(self) -> None:
        """Derive the size if it is not given."""
        if self.size == (0, 0, 0):
            finest, factor = (self.details[-1], 2) if self.details else (self.approx, 1)
            depth, height, width = (factor * n for n in finest.shape[2:])
            object.__setattr__(self, "size", (depth, height, width))

    @classmethod
    def of_bands(cls, bands: Sequence[Tensor], size: Size) -> "Subbands":
        """The inverse of `bands`: every band, (B, 1, d, h, w), in coding order -> subbands of volumes of `size`."""
        details = (torch.cat(list(bands[k : k + DETAILS]), dim=1) for k in range(1, len(bands), DETAILS))
        return cls(bands[0], tuple(details), size)

    @property
    def levels(self) -> int:
        """Number of decomposition levels."""
        return len(self.details)

    def map(self, function: Callable[[Tensor], Tensor]) -> "Subbands":
        """Apply a function of one tensor to the approximation and to every level of details."""
        return Subbands(function(self.approx), tuple(function(level) for level in self.details), self.size)

    def map_with(self, function: Callable[[Tensor, Tensor], Tensor], values: Tensor) -> "Subbands":
        """Apply a function of bands (B, n, d, h, w) and their entries (B, n, 1, 1, 1) in `values` (B, bands)."""
        parts = values[:, :, None, None, None].split([1, *[DETAILS] * self.levels], dim=1)
        bands = (function(band, own) for band, own in zip((self.approx, *self.details), parts, strict=True))
        return Subbands(next(bands), tuple(bands), self.size)

    def existing(self) -> "Subbands":
        """The same subbands, with zeros where bands have no coefficients."""
        levels = zip(self.details, self.splits, strict=True)
        return Subbands(self.approx, tuple(existing(level, detail_sizes(size)) for level, size in levels), self.size)

    @property
    def splits(self) -> list[Size]:
        """Sizes that each level splits, from coarse to fine; see `splits`."""
        return splits(self.size, self.levels)

    def band_sizes(self) -> list[Size]:
        """The size of every band, in coding order; beyond it, its tensor is zero."""
        coarsest = band_size(self.splits[0]) if self.details else self.size
        return [coarsest, *(own for size in self.splits for own in detail_sizes(size))]

    def bands(self) -> list[Tensor]:
        """Every band, (B, 1, d, h, w), in coding order."""
        return [band for stack in self.level_stacks() for band in stack.split(1, dim=1)]

    def level_stacks(self) -> Iterator[Tensor]:
        """Coded bands of every level, from coarse to fine: (B, 8, d, h, w) with LLL first, then (B, 7, ...).

        Without levels, LLL alone.
        """
        yield torch.cat((self.approx, *self.details[:1]), dim=1)
        yield from self.details[1:]


def existing(stack: Tensor, sizes: Sequence[Size]) -> Tensor:
    """Bands (B, n, d, h, w), with zeros beyond the size of each of the n."""
    if all(size == stack.shape[2:] for size in sizes):
        return stack
    return torch.where(places(sizes, stack), stack, 0)


def places(sizes: Sequence[Size], like: Tensor) -> Tensor:
    """Mask (n, d, h, w) of the coefficients of n bands of these sizes in tensors (..., d, h, w) such as `like`."""
    exists = torch.zeros(len(sizes), *like.shape[-3:], dtype=torch.bool, device=like.device)
    for index, (depth, height, width) in enumerate(sizes):
        exists[index, :depth, :height, :width] = True
    return exists


def bands_of(details: Tensor, size: Size) -> list[Tensor]:
    """The details of a level that splits `size`, (B, 7, d, h, w), each cropped to its own size."""
    bands = zip(details.split(1, dim=1), detail_sizes(size), strict=True)
    return [band[:, :, :depth, :height, :width] for band, (depth, height, width) in bands]


def all_of_level(stack: Tensor) -> Tensor:
    """The bands of a level (B, n, d, h, w), n = 7 or 8 -> eight bands, with zeros for a missing LLL."""
    return F.pad(stack, (0, 0, 0, 0, 0, 0, BANDS - stack.shape[1], 0))


def coded_before(count: int, like: Tensor) -> Tensor:
    """Mask of the bands coded before each of the last `count` of a level's eight bands: (count, 8), ones and zeros."""
    return like.new_ones(BANDS, BANDS).tril(-1)[-count:]
