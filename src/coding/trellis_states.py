"""Quantiser of every coefficient, tracked while a decoder finds it out."""

from functools import lru_cache

import torch
from torch import Tensor

from ..models.quantisation.dependent import halves_of
from ..models.quantisation.trellis import chains, trellis
from ..models.subbands import Size
from .constants import COEFFICIENT_LIMIT
from .exact_tables import looked_up
from .wavefront import Wavefront, wavefront


class TrellisStates:
    """The states of a trellis at the positions, in wavefront order, of `bands` bands of T tiles."""

    def __init__(self, wave: Wavefront, bands: int, tiles: int, states: int) -> None:
        self._next = trellis(states).next.flatten()  # by state and parity
        self._states = torch.zeros(bands, wave.positions + 1, tiles, dtype=torch.int64)
        self._after = _after(wave.size)

    def second(self, band: int, start: int, end: int) -> Tensor:
        """1 where the positions `start` to `end` have the second quantiser, else 0: (T, n) int64."""
        return (self._states[band, start:end] & 1).T

    def advance(self, band: int, start: int, end: int, index: Tensor) -> Tensor:
        """Go on with the indices (T, n) that were decoded there; returns the coefficients in half steps, the same."""
        state = self._states[band, start:end]
        after = looked_up(self._next, 2 * state + (index.T & 1))
        halves = halves_of(index, (state & 1).T).clamp_(-COEFFICIENT_LIMIT, COEFFICIENT_LIMIT)
        self._states[band].index_copy_(0, self._after[start:end], after)
        return halves


@lru_cache(maxsize=8)
def _after(size: Size) -> Tensor:
    """Successor of each position in its chain, in wavefront order: (P,), P after a chain's end."""
    wave, chain = wavefront(size), chains(size)
    rank = torch.empty(wave.positions + 1, dtype=torch.int64)
    rank[wave.raster], rank[-1] = torch.arange(wave.positions), wave.positions
    after = torch.full((wave.positions + 1,), wave.positions)
    after[rank[chain[:, :-1]]] = rank[chain[:, 1:]]
    return after[:-1]
