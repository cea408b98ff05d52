"""Messages, in integers, from a level's coded bands to the network of the next band."""

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
