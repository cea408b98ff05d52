"""Context from a level's other bands, in integers: features for the network, and linear predictions."""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from ..models.bands import BANDS
from .constants import CUBE
from .integer_layer import IntegerLayer
from .wavefront import Wavefront


def gathered(buffer: Tensor, index: Tensor) -> Tensor:
    """Rows of neighbours: buffer (T, places, ...) and indices (rows, taps) -> (rows, taps * ...)."""
    return buffer.flatten(0, 1).index_select(0, index.flatten()).view(index.shape[0], -1)


class Written(NamedTuple):
    """Outputs of a coded band that later bands see.

    `letters` is its index in the level (0 to 7), `squashed` (T, P + 1) float32 its coefficients as network inputs, and
    `known` (T, P + 1) float64 the coefficients themselves, where they predict others. Not the band itself, whose hidden
    features would stay in memory.
    """

    letters: int
    squashed: Tensor
    known: Tensor | None


class SiblingPass(Protocol):
    """Features of a band of T tiles from the bands of its level coded before; to be called in coding order."""

    def write(self, start: int, end: int, letters: int, squashed: Tensor) -> None:
        """Write the band's coefficients of the positions `start` to `end`, as network inputs: (T, n)."""

    def features(self, start: int, end: int, letters: int, last: Written | None, neighbours: Tensor) -> Tensor:
        """(T, n, C) float32 integers of the positions `start` to `end`.

        `last` is the previous band, in which the neighbours of these positions are known; `neighbours` (T * n, 27) are
        their indices over all tiles.
        """


class SharedPass:
    """Features from one layer for all bands: each band's contribution is added to the running sum for the next ones."""

    def __init__(self, layers: list[IntegerLayer], wave: Wavefront, tiles: int) -> None:
        self._layer = layers[0]
        self._sum = self._layer.operands[1].expand(tiles, wave.positions, -1).clone()

    def write(self, start: int, end: int, letters: int, squashed: Tensor) -> None:
        """Do nothing: the next band passes this one to `features`."""

    def features(self, start: int, end: int, letters: int, last: Written | None, neighbours: Tensor) -> Tensor:
        """See `SiblingPass`."""
        here = self._sum[:, start:end]
        if last is not None:
            rows = gathered(last.squashed, neighbours)
            here += self._layer.accumulate(rows, last.letters * CUBE).view_as(here)
        return (here * self._layer.operands[2]).floor_().float()


class OrientedPass:
    """Features from a separate layer for each of the eight bands, over the first four bands or all."""

    def __init__(self, layers: list[IntegerLayer], wave: Wavefront, tiles: int) -> None:
        self._layers = layers
        self._seen = {width: torch.zeros(tiles, wave.positions + 1, width) for width in (BANDS // 2, BANDS)}

    def write(self, start: int, end: int, letters: int, squashed: Tensor) -> None:
        """See `SiblingPass`."""
        for width, seen in self._seen.items():
            if letters < width:
                seen[:, start:end, letters] = squashed

    def features(self, start: int, end: int, letters: int, last: Written | None, neighbours: Tensor) -> Tensor:
        """See `SiblingPass`."""
        layer = self._layers[letters]
        seen = self._seen[len(layer.weight) // CUBE]
        return layer(gathered(seen, neighbours)).unflatten(0, (len(seen), -1))


APPROX_SHIFT = 6
"""Sums have 6 fractional bits more than the predictor's taps, as the reconstruction has."""


class CrossPass:
    """Prediction of a band of T tiles from coarser levels and from the bands of the same level coded before.

    `siblings` (8, 8, 27) are the filters of a level by predicted band and source band, `coarse` (8, 27) those of the
    reconstruction `approx` (T, 1, d, h, w), in units of 2**-6 steps, None at the coarsest level; taps are
    int64 in units of 2**-12. Float64 holds all sums exactly.
    """

    def __init__(self, siblings: Tensor, coarse: Tensor, wave: Wavefront, tiles: int, approx: Tensor | None) -> None:
        self._siblings = siblings.double() * 2**APPROX_SHIFT
        self._total = torch.zeros(tiles, wave.positions, len(siblings), dtype=torch.float64)
        if approx is not None:
            self._add_coarse(coarse.double(), wave, wave.sort(approx[:, 0]).double())

    def _add_coarse(self, kernels: Tensor, wave: Wavefront, values: Tensor) -> None:
        """Add filtered differences of the reconstruction (T, P) to its value at the centre, zero outside the band."""
        centre = torch.arange(wave.positions).unsqueeze(1)
        near = torch.where(wave.neighbours == wave.positions, centre, wave.neighbours)
        for start, end in wave.batches(len(values)):
            differences = values[:, near[start:end]] - values[:, start:end, None]
            self._total[:, start:end] = differences @ kernels.T

    def add_band(self, start: int, end: int, letters: int, neighbours: Tensor) -> None:
        """Add band `letters`, given its neighbours of the positions `start` to `end`: (T * n, 27) float64."""
        total = self._total[:, start:end]
        total += (neighbours @ self._siblings[:, letters].T).view_as(total)

    def of(self, start: int, end: int, letters: int) -> Tensor:
        """Prediction of band `letters` from `start` to `end`: (T * n,) float64 integers, in units of 2**-18."""
        return self._total[:, start:end, letters].flatten()
