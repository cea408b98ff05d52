"""The grid of tiles of a volume, which are coded independently."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product

import numpy as np

from ..models.bands import Size

Box = tuple[slice, slice, slice, slice]
"""A box of a series: frames, z, y, x."""


@dataclass(frozen=True)
class Tile:
    """One tile: its number in the stream and the voxels it holds, all of one frame."""

    number: int
    frame: int
    box: tuple[slice, slice, slice]

    @property
    def size(self) -> Size:
        """(d, h, w) in voxels."""
        z, y, x = (part.stop - part.start for part in self.box)
        return z, y, x

    def filled_up(self, levels: int) -> Size:
        """(d, h, w) with each side rounded up to a multiple of 2**`levels`."""
        depth, height, width = (math.ceil(side / (1 << levels)) << levels for side in self.size)
        return depth, height, width


@dataclass(frozen=True)
class Grid:
    """Tiles of a series (T, D, H, W), in raster order: at most `side` voxels along an axis, as equal as possible.

    Tiles begin at multiples of 2**`levels`, so that their coarse subbands form those of the whole; `side` is such a
    multiple, too.
    """

    shape: tuple[int, int, int, int]
    side: int
    levels: int

    @cached_property
    def axes(self) -> list[list[slice]]:
        """Extents of the tiles along z, y, x."""
        unit = 1 << self.levels
        per_axis = []
        for size in self.shape[1:]:
            units, count = math.ceil(size / unit), math.ceil(size / self.side)
            edges = [min(size, unit * (units * k // count)) for k in range(count)] + [size]
            per_axis.append([slice(a, b) for a, b in pairwise(edges)])
        return per_axis

    @property
    def count(self) -> int:
        """Number of tiles, computed without enumerating them."""
        return self.shape[0] * math.prod(math.ceil(size / self.side) for size in self.shape[1:])

    def size_of(self, number: int) -> Size:
        """(d, h, w) of a tile, in voxels."""
        _, *place = np.unravel_index(number, (self.shape[0], *map(len, self.axes)))
        depth, height, width = (parts[k].stop - parts[k].start for parts, k in zip(self.axes, place, strict=True))
        return depth, height, width

    def tiles(self, region: Box | None = None) -> Iterator[Tile]:
        """All tiles, or those that touch a region."""
        whole = tuple(slice(0, size) for size in self.shape)
        frames, *wanted = whole if region is None else region
        per_axis = [
            [(k, part) for k, part in enumerate(parts) if part.start < want.stop and want.start < part.stop]
            for parts, want in zip(self.axes, wanted, strict=True)
        ]
        _, rows, columns = (len(parts) for parts in self.axes)
        for frame in range(frames.start, frames.stop):
            for (i, z), (j, y), (k, x) in product(*per_axis):
                number = ((frame * len(self.axes[0]) + i) * rows + j) * columns + k
                yield Tile(number, frame, (z, y, x))

    @property
    def largest(self) -> int:
        """Upper bound of the number of voxels of a tile."""
        return math.prod(min(size, self.side) for size in self.shape[1:])

    @property
    def largest_filled_up(self) -> Size:
        """Upper bounds of a tile's sides (d, h, w), rounded up to multiples of 2**`levels`."""
        unit = 1 << self.levels
        depth, height, width = (unit * math.ceil(min(size, self.side) / unit) for size in self.shape[1:])
        return depth, height, width

    def batches(self, tiles: Iterator[Tile], voxels: int) -> Iterator[list[Tile]]:
        """Batches of at least one tile, all of one size, with about `voxels` voxels at most.

        Sides count rounded up to multiples of 2**`levels`: thin tiles take about as much memory.
        """
        waiting: dict[Size, list[Tile]] = {}
        for tile in tiles:
            group = waiting.setdefault(tile.size, [])
            group.append(tile)
            if (len(group) + 1) * math.prod(tile.filled_up(self.levels)) > voxels:
                yield waiting.pop(tile.size)
        yield from waiting.values()


def middle(voxels: np.ndarray, side: int) -> np.ndarray:
    """The middle of a volume (D, H, W), or of the first of a series (T, D, H, W): at most `side` voxels per side."""
    frame = voxels.reshape(-1, *voxels.shape[-3:])[0]
    starts = [max(0, (size - side) // 2) for size in frame.shape]
    return frame[tuple(slice(start, start + side) for start in starts)]
