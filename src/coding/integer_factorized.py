"""The factorized model in integers."""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.bands import BAND_LETTERS, DETAILS
from ..models.quantisation.codes import FIRST_STATES
from ..models.subbands import Subbands
from .constants import LOG_STEP_FRACTION, PIECE
from .integer_layer import EXACT, IntegerLayer
from .integer_mixture import IntegerDensity
from .wavefront import Memory, Wavefront

FRACTION = LOG_STEP_FRACTION

LIMIT = 2**16 - 1

BITS = (12, 12)
"""Bits per weight: more than in the context model, since the network runs only once per band."""


@dataclass(frozen=True)
class IntegerFactorized:
    """The integer twin of a `FactorizedEntropy`; `embedding` (bands, C), `band_head` (bands, size): int64 in 2**-8."""

    levels: int
    density: IntegerDensity
    layers: dict[str, IntegerLayer]
    embedding: Tensor
    band_head: Tensor
    dependent: ClassVar[bool] = False
    states: ClassVar[int] = FIRST_STATES

    def __post_init__(self) -> None:
        """Raise ValueError if the parts do not fit together or a sum might be inexact."""
        bands = 1 + self.levels * DETAILS
        if (
            self.embedding.ndim != 2
            or len(self.embedding) != bands
            or self.band_head.shape != (bands, self.density.size)
        ):
            raise ValueError("the tables of bands do not fit the levels")
        width, reach = self.embedding.shape[1] + 1, 0
        for k, (name, layer) in enumerate(self.layers.items()):
            if name != f"layer{k}" or layer.weight.shape[0] != width or layer.limit < LIMIT:
                raise ValueError(f"the layer {name} does not fit the other parts")
            width, reach = layer.weight.shape[1], layer.reach
        low, high = int(self.band_head.min()), int(self.band_head.max())
        if not self.layers or width != self.density.size or reach + max(-low, high) >= EXACT[torch.float32]:
            raise ValueError("the last layer does not fit the density, or the weights are too large for exact sums")

    def next_approx(self, q: Subbands, level: int, approx: Tensor | None) -> Tensor | None:
        """Return None: no level depends on coarser ones."""
        return None

    def fronts(self, wave: Wavefront) -> list[tuple[int, int]]:
        """All positions, in pieces of a fixed length."""
        return wave.chunks(PIECE)

    def level(
        self, level: int, wave: Wavefront, tiles: int, approx: Tensor | None, memory: Memory | None = None
    ) -> "FactorizedLevel":
        """The bands of one level."""
        return FactorizedLevel(self, level, tiles)

    def parameters(self, band: int, log_step: int) -> Tensor:
        """Density parameters of a band, (1, size) float32 integers."""
        hidden = F.pad(self.embedding[band], (0, 1), value=log_step).clamp(-LIMIT, LIMIT).float().unsqueeze(0)
        for layer in self.layers.values():
            hidden = layer(hidden) if layer is self.layers["layer0"] else layer(hidden.clamp(0, LIMIT))
        return hidden + self.band_head[band]


@dataclass(frozen=True)
class FactorizedLevel:
    """One level of T tiles, whose coefficients are independent."""

    model: IntegerFactorized
    level: int
    tiles: int

    def band(self, letters: int, log_step: int) -> "FactorizedBand":
        """A band, given its index in the level (0 to 7)."""
        index = letters + (len(BAND_LETTERS) - 1) * self.level
        return FactorizedBand(self.model.parameters(index, log_step), self.tiles)


@dataclass(frozen=True)
class FactorizedBand:
    """One band, whose coefficients share one density. See `BandPass` for the methods."""

    row: Tensor
    tiles: int

    def write(self, start: int, end: int, q: Tensor) -> None:
        """Do nothing: coefficients are independent."""

    def mixed(self, start: int, end: int) -> tuple[Tensor, Tensor]:
        """Density parameters (T * n, size) of the positions `start` to `end`, and predictions of zero."""
        rows = self.tiles * (end - start)
        return self.row.expand(rows, -1), torch.zeros(rows, dtype=torch.int64)

    def parameters(self, mixed: Tensor, second: Tensor | None = None) -> Tensor:
        """Return `mixed`, which is the parameters already."""
        return mixed
