"""State of the context model while it codes the bands of many tiles: that of a level, and that of a band."""

import numpy as np
import torch
from torch import Tensor

from ..models.bands import BANDS
from ..models.subbands import Subbands
from .coarse_context import coarse_inputs, next_approx, squash
from .constants import CENTRE, PIECE, PREDICTION_FRACTION, PREDICTOR_FRACTION
from .integer_context import IntegerContext
from .integer_conv import IntegerConv
from .integer_layer import rounded_shift
from .other_bands import APPROX_SHIFT, CrossPass, OrientedPass, SharedPass, SiblingPass, Written, gathered
from .wavefront import Memory, Wavefront, whole_memory


def of_tiles(tiles: int, places: int) -> Tensor:
    """Offset of each tile's first row, with `places` rows per tile: (T, 1, 1) int32."""
    return torch.arange(0, tiles * places, places, dtype=torch.int32).view(-1, 1, 1)


class BandPass:
    """One band of T tiles, whose coefficients are known or being decoded, with positions in wavefront order.

    Call `write` with known coefficients, then `mixed`. For a position, `mixed` requires that every position of smaller
    t has been written and mixed, and that every neighbour in the previous band, `last`, has been written. Other bands
    see `squashed` (T, P + 1), magnitudes if the model has them, and, where coefficients predict others, the
    coefficients themselves, `known`.
    """

    def __init__(self, level: "LevelContext", letters: int, log_step: int, last: Written | None) -> None:
        model, tiles, places = level.model, level.tiles, level.memory.size + 1
        band = level.level * BANDS + letters
        self.level = level
        self.letters = letters
        self.last = last
        self.band_id = band
        self.squashed = torch.zeros(tiles, level.wave.positions + 1)
        self.known = torch.zeros(tiles, level.wave.positions + 1, dtype=torch.float64) if level.cross else None
        self._q = torch.zeros(tiles, places, dtype=torch.float64)
        self._near = torch.zeros(tiles, places, model.own_inputs)
        self._hidden = [torch.zeros(tiles, places, model.channels) for _ in model.blocks]
        self._own = model.layer("own", letters)
        self._deeper = [model.needed(name, letters) for name in ("widen", "narrow") if model.oriented]
        self._mix, self._head = model.needed("mix", letters), model.needed("head", letters)
        self._condition = _float(model.condition(band, log_step))
        self._offset = _float(model.head_offset(band))
        change = model.second_change(band)
        self._change = None if change is None else (_float(change[0]), _float(change[1]))
        self._unit = 2 if model.dependent else 1

    def write(self, start: int, end: int, q: Tensor) -> None:
        """Write the coefficients `q` (T, n) int64 of the positions `start` to `end`."""
        here = self.level.memory.at(start, end)
        self._q[:, here] = q
        value = squash(q, self._unit)
        self._near[:, here, 0] = value
        if self.level.model.magnitudes:
            value = self._near[:, here, 1] = value.abs()
        self.squashed[:, start:end] = value
        if self.level.siblings is not None:
            self.level.siblings.write(start, end, self.letters, self.squashed[:, start:end])
        if self.known is not None:
            self.known[:, start:end] = q

    def mixed(self, start: int, end: int) -> tuple[Tensor, Tensor]:
        """Mixed features and predicted coefficients of the positions `start` to `end`, tile by tile.

        The features (T * n, C), float32 integers, are the input of `parameters`; the predictions (T * n,) are int64 in
        units of 2**-8.
        """
        model, limit, shape = self.level.model, self.level.model.limit, (self.level.tiles, end - start, -1)
        near, here = self.level.near(start, end), self.level.memory.at(start, end)
        hidden = self.level.features(start, end, self) + self._condition
        hidden = hidden.expand(shape).reshape(-1, model.channels)
        if self._own is not None:
            hidden = self._own(gathered(self._near, near[:, :CENTRE])).add_(hidden)
        for layer, buffer in zip(model.blocks, self._hidden, strict=True):
            torch.clamp(hidden.view(shape), 0, limit, out=buffer[:, here])
            hidden = layer(gathered(buffer, near)).add_(hidden)
        if self._deeper:
            widen, narrow = self._deeper
            hidden = narrow(widen(hidden.clamp(0, limit)).clamp_(0, limit)).add_(hidden)
        mixed = self._mix(hidden.clamp_(0, limit))
        others = self.level.crossed(start, end, self)
        return mixed, predicted(model, self.band_id, gathered(self._q, near)[:, :CENTRE], others)

    def parameters(self, mixed: Tensor, second: Tensor | None = None) -> Tensor:
        """Mixed features (rows, C) -> parameters of the density (rows, size), float32 integers.

        `second` (rows,) is 1 for rows in the second quantiser, else 0; None without dependent quantisation.
        """
        limit = self.level.model.limit
        if second is None or self._change is None:
            return self._head(mixed.clamp(0, limit)).add_(self._offset)
        before, after = self._change
        which = second.unsqueeze(1).float()
        features = torch.addcmul(mixed, which, before).clamp_(0, limit)
        return self._head(features).add_(self._offset).addcmul_(which, after)


def predicted(model: IntegerContext, band: int, neighbours: Tensor, others: Tensor | None = None) -> Tensor:
    """Causal neighbours of coefficients, (rows, 13) float64 integers -> predictions, int64 in units of 2**-8.

    `others` (rows,) is the prediction from other bands (see `CrossPass.of`).
    """
    if model.prediction is None:
        return torch.zeros(len(neighbours), dtype=torch.int64)
    total = neighbours @ torch.from_numpy(model.prediction[band]).double()
    if others is None:
        return rounded_shift(total.long(), PREDICTOR_FRACTION + model.dependent - PREDICTION_FRACTION)
    total = total * 2**APPROX_SHIFT + others
    return rounded_shift(total.long(), PREDICTOR_FRACTION + APPROX_SHIFT - PREDICTION_FRACTION)


def _float(integers: np.ndarray) -> Tensor:
    return torch.from_numpy(integers).float()


class LevelContext:
    """Context from outside a band: the coarser levels, and the bands of the same level coded before.

    `approx` (T, 1, d, h, w) is the reconstruction of the coarser levels (see `synthesise_level`), None at the coarsest
    level. `memory` selects the positions that a band keeps of itself; all unless given.
    """

    def __init__(
        self,
        model: IntegerContext,
        level: int,
        wave: Wavefront,
        tiles: int,
        approx: Tensor | None,
        memory: Memory | None = None,
    ) -> None:
        self.model = model
        self.level = level
        self.wave = wave
        self.tiles = tiles
        self.memory = memory or whole_memory(wave)
        self._near = self.memory.slots[wave.causal]
        self._all = wave.neighbours.int()
        self._near_tiles, self._all_tiles = of_tiles(tiles, self.memory.size + 1), of_tiles(tiles, wave.positions + 1)
        self._last: Written | None = None
        self._coarse: Tensor | None = None
        self.siblings: SiblingPass | None = None
        if model.siblings:
            self.siblings = (OrientedPass if model.oriented else SharedPass)(model.siblings, wave, tiles)
            self._coarse = None if approx is None else self._convolved(approx)
        self.cross: CrossPass | None = None
        if model.cross is not None and model.cross_coarse is not None:
            own = slice(level * BANDS, (level + 1) * BANDS)
            self.cross = CrossPass(
                torch.from_numpy(model.cross[own]), torch.from_numpy(model.cross_coarse[own]), wave, tiles, approx
            )

    def near(self, start: int, end: int) -> Tensor:
        """Memory slots of the causal neighbours of positions, and of the positions themselves: (T * n, 14) int32."""
        return (self._near[start:end] + self._near_tiles).flatten(0, 1)

    def _neighbours(self, start: int, end: int) -> Tensor:
        """Indices of all neighbours of positions, over all tiles: (T * n, 27) int32."""
        return (self._all[start:end] + self._all_tiles).flatten(0, 1)

    def _convolved(self, approx: Tensor) -> Tensor:
        """The reconstruction after two convolutions, (T, P, C)."""
        first, last = (IntegerConv(self.model.layers[name], "zeros") for name in ("coarse0", "coarse1"))
        out = last(first(coarse_inputs(approx)).clamp_(0, self.model.limit))
        return out.movedim(1, -1).flatten(1, 3).index_select(1, self.wave.raster)

    def band(self, letters: int, log_step: int) -> BandPass:
        """Begin the next band, given its index in the level (0 to 7)."""
        band = BandPass(self, letters, log_step, self._last)
        self._last = Written(letters, band.squashed, band.known)
        return band

    def crossed(self, start: int, end: int, band: BandPass) -> Tensor | None:
        """Prediction of a band's positions `start` to `end` from other bands, after `features` (see `CrossPass.of`)."""
        if self.cross is None:
            return None
        if (last := band.last) is not None and last.known is not None:
            self.cross.add_band(start, end, last.letters, gathered(last.known, self._neighbours(start, end)))
        return self.cross.of(start, end, band.letters)

    def features(self, start: int, end: int, band: BandPass) -> Tensor:
        """Features from outside a band: (T, n, C) float32 integers, or (1, 1, C) zeros.

        They are those of the positions `start` to `end`, and must be requested in coding order of the bands.
        """
        if self.siblings is None:
            return torch.zeros(1, 1, self.model.channels)
        total = self.siblings.features(start, end, band.letters, band.last, self._neighbours(start, end))
        return total if self._coarse is None else total.add_(self._coarse[:, start:end])


class ContextCoding:
    """The context model as an `IntegerModel`, with the parameters `model`."""

    def __init__(self, model: IntegerContext) -> None:
        self.model = model
        self.levels, self.density = model.levels, model.density
        self.dependent, self.states = model.dependent, model.states

    def next_approx(self, q: Subbands, level: int, approx: Tensor | None) -> Tensor | None:
        """The reconstruction for the next level, None if it needs none; see `coarse_context.next_approx`."""
        options = self.model.synthesis(level)
        return None if options is None else next_approx(q, level, approx, **options)

    def fronts(self, wave: Wavefront) -> list[tuple[int, int]]:
        """Ranges of positions that can be decoded at once: pieces of a fixed length if none depends on another."""
        return wave.chunks(PIECE) if self.model.layer("own", 0) is None else wave.fronts

    def level(
        self, level: int, wave: Wavefront, tiles: int, approx: Tensor | None, memory: Memory | None = None
    ) -> LevelContext:
        """The bands of one level of `tiles` tiles; see `LevelContext`."""
        return LevelContext(self.model, level, wave, tiles, approx, memory)
