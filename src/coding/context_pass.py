"""The integer context model at work on one band of many tiles."""

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from ..models.subbands import BAND_LETTERS
from .coarse_context import squash
from .wavefront import CENTRE

if TYPE_CHECKING:
    from .level_context import LevelContext


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


class BandPass:
    """One band of T tiles, coefficients known or still to be decoded, positions in wavefront order.

    `write` what is known, then ask for what is `mixed`; that of a position needs every position of smaller t written
    and asked for, and of the band before, `last`, every neighbour written. `squashed` (T, P + 1) is what other bands
    see of this one, with `known`, its coefficients, where these predict others.
    """

    def __init__(self, level: "LevelContext", letters: int, log_step: int, last: Written | None) -> None:
        model, tiles, places = level.model, level.tiles, level.memory.size + 1
        band = level.level * len(BAND_LETTERS) + letters
        self.level = level
        self.letters = letters
        self.last = last
        self.band_id = band
        self.squashed = torch.zeros(tiles, level.wave.positions + 1)
        self.known = torch.zeros(tiles, level.wave.positions + 1, dtype=torch.float64) if level.cross else None
        self._q = torch.zeros(tiles, places, dtype=torch.float64)
        self._near = self.squashed if places == level.wave.positions + 1 else torch.zeros(tiles, places)
        self._hidden = [torch.zeros(tiles, places, model.channels) for _ in model.blocks]
        self._own = model.layer("own", letters)
        self._deeper = [model.needed(name, letters) for name in ("widen", "narrow") if model.oriented]
        self._mix, self._head = model.needed("mix", letters), model.needed("head", letters)
        self._condition = model.condition(band, log_step)
        self._offset = model.head_offset(band)
        self._change = model.second_change(band)
        self._unit = 2 if model.dependent else 1

    def write(self, start: int, end: int, q: Tensor) -> None:
        """The coefficients of the positions `start` to `end`: (T, n) int64."""
        here = self.level.memory.at(start, end)
        self._q[:, here] = q
        self.squashed[:, start:end] = squash(q, self._unit)
        if self.level.siblings is not None:
            self.level.siblings.write(start, end, self.letters, self.squashed[:, start:end])
        if self.known is not None:
            self.known[:, start:end] = q
        if self._near is not self.squashed:
            self._near[:, here] = self.squashed[:, start:end]

    def mixed(self, start: int, end: int) -> tuple[Tensor, Tensor]:
        """Of the positions `start` to `end`: what `parameters` follow from, (T * n, C), float32 integers, and the

        predicted coefficients (T * n,), int64 in units of 2**-8; tile by tile.
        """
        model, limit, shape = self.level.model, self.level.model.limit, (self.level.tiles, end - start, -1)
        near, here = self.level.near(start, end), self.level.memory.at(start, end)
        hidden = self.level.features(start, end, self) + self._condition
        hidden = hidden.expand(shape).reshape(-1, model.channels)
        if self._own is not None:
            hidden = self._own(gathered(self._near, near)[:, :CENTRE]).add_(hidden)
        for layer, buffer in zip(model.blocks, self._hidden, strict=True):
            torch.clamp(hidden.view(shape), 0, limit, out=buffer[:, here])
            hidden = layer(gathered(buffer, near)).add_(hidden)
        if self._deeper:
            widen, narrow = self._deeper
            hidden = narrow(widen(hidden.clamp(0, limit)).clamp_(0, limit)).add_(hidden)
        mixed = self._mix(hidden.clamp_(0, limit))
        others = self.level.crossed(start, end, self)
        return mixed, model.predicted(self.band_id, gathered(self._q, near)[:, :CENTRE], others)

    def parameters(self, mixed: Tensor, second: Tensor | None = None) -> Tensor:
        """Mixed features (rows, C) -> parameters of the density (rows, size), float32 integers.

        `second` (rows,) is 1 where the second quantiser is, else 0; None without dependent quantisation.
        """
        limit = self.level.model.limit
        if second is None or self._change is None:
            return self._head(mixed.clamp(0, limit)).add_(self._offset)
        before, after = self._change
        which = second.unsqueeze(1).float()
        features = torch.addcmul(mixed, which, before).clamp_(0, limit)
        return self._head(features).add_(self._offset).addcmul_(which, after)
