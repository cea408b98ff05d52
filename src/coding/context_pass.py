"""The integer context model at work on one band of many tiles."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..models.subbands import BAND_LETTERS
from .coarse_context import coarse_inputs, squash
from .wavefront import CENTRE, TAPS, Wavefront

if TYPE_CHECKING:
    from .integer_context import IntegerContext

ROWS = 8192
"""Rows worked on at once where the whole band is known: what a processor's cache holds."""

PIECE = 4096
"""Positions decoded at once where a band has no context of its own."""


def row_index(neighbours: Tensor, tiles: int, places: int) -> Tensor:
    """Indices of neighbours (n, taps) within one tile of `places` rows -> those within all tiles, (T * n, taps)."""
    if tiles == 1:
        return neighbours
    return (neighbours + torch.arange(0, tiles * places, places).view(-1, 1, 1)).flatten(0, 1)


def gathered(buffer: Tensor, index: Tensor) -> Tensor:
    """Rows of neighbours: buffer (T, P + 1, ...) and indices (rows, taps) -> (rows, taps * ...)."""
    return buffer.flatten(0, 1).index_select(0, index.flatten()).view(len(index), -1)


def bordered(values: Tensor) -> Tensor:
    """(T, P, ...) -> (T, P + 1, ...), with a zero for all that lies outside."""
    return torch.cat((values, torch.zeros_like(values[:, :1])), dim=1)


class LevelContext:
    """What does not depend on a band's own coefficients: the coarser levels, and the level's bands coded before.

    `approx` (T, 1, d, h, w) is the reconstruction of what is coarser (see `synthesise_level`), None at the coarsest
    level.
    """

    def __init__(self, model: "IntegerContext", level: int, wave: Wavefront, tiles: int, approx: Tensor | None) -> None:
        self.model = model
        self.level = level
        self.wave = wave
        self.tiles = tiles
        shape = (tiles, wave.positions, model.channels)
        self.coarse: Tensor | None = None
        self.before: Tensor | None = None
        if (siblings := model.layers.get("siblings")) is not None:
            self.before = siblings.operands[1].expand(shape).clone()
            self.coarse = None if approx is None else self._coarse(approx)

    def _coarse(self, approx: Tensor) -> Tensor:
        """Two convolutions over the reconstruction, (T, P, C)."""
        inputs = coarse_inputs(approx)
        sorted_inputs = [self.wave.sort(channel) for channel in inputs.unbind(dim=1)]
        hidden = self._cube("coarse0", torch.stack(sorted_inputs, dim=-1)).clamp_(0, self.model.limit)
        return self._cube("coarse1", hidden)

    def _cube(self, name: str, x: Tensor) -> Tensor:
        """A 3x3x3 convolution: (T, P, C_in) -> (T, P, C)."""
        buffer, layer = bordered(x), self.model.layers[name]
        tiles = len(x)
        out = x.new_empty(tiles, self.wave.positions, self.model.channels)
        for start, end in self.wave.chunks(max(1, ROWS // tiles)):
            rows = layer(gathered(buffer, self._index(start, end)))
            out[:, start:end] = rows.view(tiles, end - start, -1)
        return out

    def _index(self, start: int, end: int) -> Tensor:
        return row_index(self.wave.neighbours[start:end], self.tiles, self.wave.positions + 1)

    def fronts(self) -> list[tuple[int, int]]:
        """Positions that can be decoded at once: all, in pieces of a fixed length, where none depends on another."""
        return self.wave.fronts if "own" in self.model.layers else self.wave.chunks(PIECE)

    def band(self, letters: int, log_step: int) -> "BandPass":
        """The next band, by its place among the eight."""
        return BandPass(self, letters, log_step)

    def features(self, start: int, end: int) -> Tensor:
        """(T, n, C) float32 integers of the positions `start` to `end`, or zeros (1, 1, C)."""
        if self.before is None:
            return torch.zeros(1, 1, self.model.channels)
        factor = self.model.layers["siblings"].operands[2]
        total = (self.before[:, start:end] * factor).floor_().float()
        return total if self.coarse is None else total.add_(self.coarse[:, start:end])

    def add_band(self, letters: int, squashed: Tensor) -> None:
        """Tell the bands that follow about one that is coded: its place among the eight, its squashed (T, P + 1)."""
        if self.before is None:
            return
        layer, tiles = self.model.layers["siblings"], len(squashed)
        for start, end in self.wave.chunks(max(1, ROWS // tiles)):
            rows = gathered(squashed, self._index(start, end))
            self.before[:, start:end] += layer.accumulate(rows, letters * len(TAPS)).view(tiles, end - start, -1)


class BandPass:
    """One band of T tiles, coefficients known or still to be decoded, positions in wavefront order.

    `write` what is known, then ask for `parameters`; those of a position need every position of smaller t written
    and asked for.
    """

    def __init__(self, level: LevelContext, letters: int, log_step: int) -> None:
        model, tiles, places = level.model, level.tiles, level.wave.positions + 1
        band = level.level * len(BAND_LETTERS) + letters
        self.level = level
        self.letters = letters
        self.band_id = band
        self.q = torch.zeros(tiles, places, dtype=torch.float64)
        self.squashed = torch.zeros(tiles, places)
        self.hidden = [torch.zeros(tiles, places, model.channels) for _ in model.blocks]
        self.condition = model.condition(band, log_step)
        self.offset = model.head_offset(band)

    def write(self, start: int, end: int, q: Tensor) -> None:
        """The coefficients of the positions `start` to `end`: (T, n) int64."""
        self.q[:, start:end] = q.double()
        self.squashed[:, start:end] = squash(q)

    def finish(self) -> None:
        """All coefficients are written: the bands that follow may know them."""
        self.level.add_band(self.letters, self.squashed)

    def parameters(self, start: int, end: int) -> tuple[Tensor, Tensor]:
        """Of the positions `start` to `end`: the density's parameters (T * n, size), float32 integers, and the

        predicted coefficients (T * n,), int64 in units of 2**-8; tile by tile.
        """
        model, limit = self.level.model, self.level.model.limit
        tiles, places = self.q.shape
        causal = row_index(self.level.wave.causal[start:end], tiles, places)
        before = causal[:, :CENTRE]
        hidden = (self.level.features(start, end) + self.condition).expand(tiles, end - start, -1)
        hidden = hidden.reshape(-1, model.channels)
        if (own := model.layers.get("own")) is not None:
            hidden = hidden + own(gathered(self.squashed, before))
        for layer, buffer in zip(model.blocks, self.hidden, strict=True):
            buffer[:, start:end] = hidden.clamp(0, limit).view(tiles, end - start, -1)
            hidden = hidden + layer(gathered(buffer, causal))
        mixed = model.layers["mix"](hidden.clamp_(0, limit)).clamp_(0, limit)
        parameters = model.layers["head"](mixed).add_(self.offset)
        return parameters, model.predicted(self.band_id, gathered(self.q, before))
