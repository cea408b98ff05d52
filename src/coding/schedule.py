"""Decoding schedule: fronts of a level's bands that are decoded together, and how much of a band is kept for them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from ..models.subbands import Size
from .wavefront import Wavefront, wavefront


@dataclass(frozen=True)
class Memory:
    """Slots of a band's positions: `slots` (P + 1,) int32, those of a front one after the other.

    `size` is the number of slots, and the place of all that lies outside. Later positions may replace earlier ones.
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
    """A front of one of a level's bands: the band by its place in coding order, first and last position (exclusive)."""

    band: int
    start: int
    end: int


@dataclass(frozen=True)
class Schedule:
    """Every band stays `lag` fronts behind the band before, of which it then knows all neighbours of its positions.

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
