"""The factorized model as the reference codes with it: its coefficients are independent."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..models.subbands import Subbands
from .constants import PIECE
from .integer_factorized import IntegerFactorized
from .wavefront import Memory, Wavefront


class FactorizedCoding:
    """The factorized model as an `IntegerModel`, with the parameters `model`."""

    def __init__(self, model: IntegerFactorized) -> None:
        self.model = model
        self.levels, self.density = model.levels, model.density
        self.dependent, self.states = model.dependent, model.states

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
        return FactorizedLevel(self.model, level, tiles)


@dataclass(frozen=True)
class FactorizedLevel:
    """One level of T tiles."""

    model: IntegerFactorized
    level: int
    tiles: int

    def band(self, letters: int, log_step: int) -> "FactorizedBand":
        """A band, given its index in the level (0 to 7)."""
        parameters = torch.from_numpy(self.model.parameters(self.level, letters, log_step))
        return FactorizedBand(parameters.float().unsqueeze(0), self.tiles)


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
