"""What a level's other bands tell of the next one, in integers: features for the network, and linear predictions."""

from dataclasses import replace
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from ..models.entropy.prediction import BANDS
from .integer_layer import IntegerLayer
from .wavefront import TAPS, Wavefront


def gathered(buffer: Tensor, index: Tensor) -> Tensor:
    """Rows of neighbours: buffer (T, places, ...) and indices (rows, taps) -> (rows, taps * ...)."""
    return buffer.flatten(0, 1).index_select(0, index.flatten()).view(index.shape[0], -1)


class Written(NamedTuple):
    """Outputs of a coded band that later bands see.

    Its place among the eight; its coefficients as the network takes them, (T, P + 1) float32, and as they are,
    (T, P + 1) float64, where these predict others. Not the band itself: its hidden features would stay in memory.
    """

    letters: int
    squashed: Tensor
    known: Tensor | None


class SiblingPass(Protocol):
    """Features of a band, by its place among the eight, for T tiles. Bands must ask in order."""

    def write(self, start: int, end: int, letters: int, squashed: Tensor) -> None:
        """The band's coefficients of the positions `start` to `end`, as the network takes them: (T, n)."""

    def features(self, start: int, end: int, letters: int, last: Written | None, neighbours: Tensor) -> Tensor:
        """(T, n, C) float32 integers of the positions `start` to `end`.

        `last` is the band before, whose neighbours there are known now; `neighbours` (T * n, 27) tells where they are,
        among all tiles.
        """


class SharedPass:
    """By one layer, the same for all bands: what each band tells is added to the sum that the next ones go on with."""

    def __init__(self, layers: list[IntegerLayer], wave: Wavefront, tiles: int) -> None:
        self._layer = layers[0]
        self._sum = self._layer.operands[1].expand(tiles, wave.positions, -1).clone()

    def write(self, start: int, end: int, letters: int, squashed: Tensor) -> None:
        """Nothing to do: the next band brings this one."""

    def features(self, start: int, end: int, letters: int, last: Written | None, neighbours: Tensor) -> Tensor:
        """See `SiblingPass`."""
        here = self._sum[:, start:end]
        if last is not None:
            rows = gathered(last.squashed, neighbours)
            here += self._layer.accumulate(rows, last.letters * len(TAPS)).view_as(here)
        return (here * self._layer.operands[2]).floor_().float()


class OrientedPass:
    """By a layer of its own for each of the eight bands, over the first four or all (see `padded`)."""

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
        seen = self._seen[len(layer.weight) // len(TAPS)]
        return layer(gathered(seen, neighbours)).unflatten(0, (len(seen), -1))


def padded(layer: IntegerLayer) -> IntegerLayer:
    """A layer over the first bands, each with its taps -> the same over taps, each with the first four bands or all."""
    by_band = layer.weight.unflatten(0, (-1, len(TAPS)))
    width = BANDS if len(by_band) > BANDS // 2 else BANDS // 2
    weight = layer.weight.new_zeros(len(TAPS), width, by_band.shape[-1])
    weight[:, : len(by_band)] = by_band.transpose(0, 1)
    return replace(layer, weight=weight.flatten(0, 1))


APPROX_SHIFT = 6
"""Sums count in units of 2**-6 of those of the predictor's taps, since the reconstruction has that many more bits."""


ROWS = 8192
"""Positions worked on at once: what a processor's cache holds."""


class CrossPass:
    """Prediction of the following bands from coarser levels and from bands of the same level coded before, for T tiles.

    `siblings` (8, 8, 27) are the filters of a level by the band they predict and the band they see, `coarse` (8, 27)
    those of the reconstruction `approx` (T, 1, d, h, w), in units of 2**-6 steps, None at the coarsest level; taps are
    int64 in units of 2**-12. Float64 holds all sums exactly.
    """

    def __init__(self, siblings: Tensor, coarse: Tensor, wave: Wavefront, tiles: int, approx: Tensor | None) -> None:
        self._siblings = siblings.double() * 2**APPROX_SHIFT
        self._total = torch.zeros(tiles, wave.positions, len(siblings), dtype=torch.float64)
        if approx is not None:
            self._add_coarse(coarse.double(), wave, wave.sort(approx[:, 0]).double())

    def _add_coarse(self, kernels: Tensor, wave: Wavefront, values: Tensor) -> None:
        """Differences of the reconstruction (T, P) to its value in the centre; outside there are none."""
        centre = torch.arange(wave.positions).unsqueeze(1)
        near = torch.where(wave.neighbours == wave.positions, centre, wave.neighbours)
        for start, end in wave.chunks(max(1, ROWS // len(values))):
            differences = values[:, near[start:end]] - values[:, start:end, None]
            self._total[:, start:end] = differences @ kernels.T

    def add_band(self, start: int, end: int, letters: int, neighbours: Tensor) -> None:
        """Tell of a band, by its place among the eight: (T * n, 27) coefficients about `start` to `end`, float64."""
        total = self._total[:, start:end]
        total += (neighbours @ self._siblings[:, letters].T).view_as(total)

    def of(self, start: int, end: int, letters: int) -> Tensor:
        """Prediction of a band there: (T * n,) float64 integers, in units of 2**-18."""
        return self._total[:, start:end, letters].flatten()
