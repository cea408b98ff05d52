"""Context of a level in the integer context model, beyond a band's own coefficients."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..models.subbands import BAND_LETTERS
from .coarse_context import coarse_inputs
from .context_pass import BandPass, Written, gathered
from .cross_pass import CrossPass
from .integer_conv import IntegerConv
from .schedule import Memory, whole_memory
from .sibling_pass import OrientedPass, SharedPass, SiblingPass
from .wavefront import Wavefront

if TYPE_CHECKING:
    from .integer_context import IntegerContext

BANDS = len(BAND_LETTERS)


def of_tiles(tiles: int, places: int) -> Tensor:
    """Offsets of the tiles' first rows for `rows` rows per tile: (T, 1, 1) int32."""
    return torch.arange(0, tiles * places, places, dtype=torch.int32).view(-1, 1, 1)


class LevelContext:
    """Context that is independent of a band's own coefficients: coarser levels, and bands of the level coded before.

    `approx` (T, 1, d, h, w) is the reconstruction of what is coarser (see `synthesise_level`), None at the coarsest
    level. `memory` is what bands remember of themselves; all unless given.
    """

    def __init__(
        self,
        model: "IntegerContext",
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
        if model.layer("siblings", 0) is not None:
            self.siblings = (OrientedPass if model.oriented else SharedPass)(model.siblings, wave, tiles)
            self._coarse = None if approx is None else self._convolved(approx)
        self.cross: CrossPass | None = None
        if model.cross is not None and model.cross_coarse is not None:
            own = slice(level * BANDS, (level + 1) * BANDS)
            self.cross = CrossPass(model.cross[own], model.cross_coarse[own], wave, tiles, approx)

    def near(self, start: int, end: int) -> Tensor:
        """Memory slots of the causal neighbours of positions, and of the positions themselves: (T * n, 14) int32."""
        return (self._near[start:end] + self._near_tiles).flatten(0, 1)

    def _neighbours(self, start: int, end: int) -> Tensor:
        """Indices of all neighbours of positions, over all tiles: (T * n, 27) int32."""
        return (self._all[start:end] + self._all_tiles).flatten(0, 1)

    def _convolved(self, approx: Tensor) -> Tensor:
        """Two convolutions over the reconstruction, (T, P, C)."""
        first, last = (IntegerConv(self.model.layers[name], "zeros") for name in ("coarse0", "coarse1"))
        out = last(first(coarse_inputs(approx)).clamp_(0, self.model.limit))
        return out.movedim(1, -1).flatten(1, 3).index_select(1, self.wave.raster)

    def band(self, letters: int, log_step: int) -> BandPass:
        """The next band, by its place among the eight."""
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
        """Features from outside a band: (T, n, C) float32 integers, or zeros (1, 1, C).

        Of the positions `start` to `end`. Bands must ask in order.
        """
        if self.siblings is None:
            return torch.zeros(1, 1, self.model.channels)
        total = self.siblings.features(start, end, band.letters, band.last, self._neighbours(start, end))
        return total if self._coarse is None else total.add_(self._coarse[:, start:end])
