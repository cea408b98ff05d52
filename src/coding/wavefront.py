"""Wavefronts: sets of coefficients that a causal 3x3x3 network decodes at once, within and across a level's bands."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from ..models.bands import FRONT, Size
from .constants import CENTRE

TAPS = torch.cartesian_prod(*[torch.arange(-1, 2)] * 3)
"""The offsets (z, y, x) of a 3x3x3 neighbourhood in raster order."""

ROWS = 8192
"""Positions per batch where all are known, sized to a processor's cache."""


@dataclass(frozen=True)
class Wavefront:
    """A band's positions sorted by t = x + 2y + 4z, and in raster order for equal t.

    Causal neighbours of a position have smaller t, so the positions of equal t, a front, can be decoded at once.
    `raster` (P,) holds the positions' raster indices; front k spans the positions `starts[k]` to `starts[k + 1]`;
    `neighbours` (P, 27) holds the places of the neighbours in this order, P for those outside; `causal` (P, 14) is its
    first columns, up to the centre.
    """

    size: Size
    raster: Tensor
    starts: list[int]
    neighbours: Tensor
    causal: Tensor

    @property
    def positions(self) -> int:
        """P, the number of coefficients."""
        return len(self.raster)

    @property
    def fronts(self) -> list[tuple[int, int]]:
        """First and last position (exclusive) of every front."""
        return list(zip(self.starts[:-1], self.starts[1:], strict=True))

    def chunks(self, length: int) -> list[tuple[int, int]]:
        """All positions in order, at most `length` at a time."""
        return [(start, min(start + length, self.positions)) for start in range(0, self.positions, length)]

    def batches(self, tiles: int) -> list[tuple[int, int]]:
        """All positions in order, about `ROWS` of `tiles` tiles at a time."""
        return self.chunks(max(1, ROWS // tiles))

    def inside(self, size: Size) -> Tensor | None:
        """Mask of the positions in the band's first `size` (d, h, w): (P,) bool; None if all are."""
        if size == self.size:
            return None
        places = torch.unravel_index(self.raster, self.size)
        return torch.stack([place < n for place, n in zip(places, size, strict=True)]).all(dim=0)

    def sort(self, band: Tensor) -> Tensor:
        """(T, d, h, w) -> (T, P)."""
        return band.flatten(1)[:, self.raster]

    def unsort(self, values: Tensor) -> Tensor:
        """(T, P) -> (T, d, h, w)."""
        band = torch.empty_like(values)
        band[:, self.raster] = values
        return band.view(-1, *self.size)


@lru_cache(maxsize=8)
def wavefront(size: Size) -> Wavefront:
    """The fronts of a band (d, h, w)."""
    count = size[0] * size[1] * size[2]
    zyx = torch.cartesian_prod(*[torch.arange(n) for n in size]).view(count, 3)
    time = zyx @ torch.tensor(FRONT)
    raster = torch.argsort(time, stable=True)
    padded = torch.full([n + 2 for n in size], count)
    rank = torch.empty(count, dtype=torch.int64)
    rank[raster] = torch.arange(count)
    padded[1:-1, 1:-1, 1:-1] = rank.view(size)
    strides = torch.tensor([(size[1] + 2) * (size[2] + 2), size[2] + 2, 1])
    at = (zyx[raster] + 1) @ strides
    neighbours = padded.flatten()[at[:, None] + (TAPS @ strides)[None]]
    starts = torch.searchsorted(time[raster], torch.arange(int(time.max()) + 2))
    return Wavefront(size, raster, sorted(set(starts.tolist())), neighbours, neighbours[:, : CENTRE + 1].contiguous())


@dataclass(frozen=True)
class Memory:
    """Slots of a band's positions: `slots` (P + 1,) int32, consecutive within a front.

    `size` is the number of slots, and the slot of everything outside. Later positions may replace earlier ones.
    """

    slots: Tensor
    size: int

    def at(self, start: int, end: int) -> slice:
        """The slots of the positions `start` to `end`, of one front unless the memory is whole."""
        first = int(self.slots[start])
        return slice(first, first + end - start)


def whole_memory(wave: Wavefront) -> Memory:
    """A memory of all positions."""
    return Memory(torch.arange(wave.positions + 1, dtype=torch.int32), wave.positions)


class Run(NamedTuple):
    """A front of one band of a level: the band's index in coding order, first and last position (exclusive)."""

    band: int
    start: int
    end: int


@dataclass(frozen=True)
class Schedule:
    """Schedule of a level: every band is `lag` fronts behind the previous one, so that all neighbours there are known.

    `memory` holds as many fronts as causal neighbours reach back.
    """

    fronts: tuple[tuple[int, int], ...]
    lag: int
    memory: Memory

    def steps(self, bands: int) -> Iterator[list[Run]]:
        """Sets of fronts that can be decoded at once, in order: at most one front of every band."""
        for step in range(len(self.fronts) + self.lag * (bands - 1)):
            places = ((band, step - self.lag * band) for band in range(bands))
            yield [Run(band, *self.fronts[place]) for band, place in places if 0 <= place < len(self.fronts)]


def schedule(wave: Wavefront, fronts: list[tuple[int, int]]) -> Schedule:
    """The schedule of a level whose bands have these fronts."""
    return _schedule(wave.size, tuple(fronts))


@lru_cache(maxsize=8)
def _schedule(size: Size, fronts: tuple[tuple[int, int], ...]) -> Schedule:
    wave = wavefront(size)
    positions, count = torch.arange(wave.positions), wave.positions
    starts = torch.tensor([start for start, _ in fronts])
    front = torch.bucketize(positions, starts, right=True) - 1
    last = wave.neighbours.masked_fill(wave.neighbours == count, -1).amax(dim=1)
    lag = int((front[last] - front).max()) + 1
    reach = int((front - front[wave.causal.amin(dim=1)]).max()) + 1
    width = max(end - start for start, end in fronts)
    if reach * width >= count:
        return Schedule(fronts, lag, whole_memory(wave))
    slots = front % reach * width + positions - starts[front]
    slots = torch.cat((slots, torch.tensor([reach * width])))
    return Schedule(fronts, lag, Memory(slots.int(), reach * width))
