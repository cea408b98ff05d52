"""The context model in integers: the same densities on every machine, whatever the order of summation."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ..models.entropy.cross_prediction import BANDS
from ..models.subbands import Subbands
from ..models.trellis import FIRST_STATES
from .coarse_context import next_approx
from .constants import (
    EMBEDDING_FRACTION,
    LOG_STEP_FRACTION,
    LOG_STEP_LIMIT,
    PARAMETER_FRACTION,
    PIECE,
    PREDICTION_FRACTION,
    PREDICTOR_FRACTION,
)
from .context_checks import check_context
from .cross_pass import APPROX_SHIFT
from .integer_layer import IntegerLayer
from .level_context import LevelContext
from .mixture import IntegerDensity
from .schedule import Memory
from .sibling_pass import padded
from .wavefront import Wavefront


@dataclass(frozen=True)
class IntegerContext:
    """A `ContextEntropy` in integers. Activations have `fraction` fractional bits and reach up to `limit`.

    `layers` names `coarse0`, `coarse1`, `siblings` (with the long context), `own` (with the short), `block0`, ...,
    `mix`, `head`. If it is oriented, it has `siblings.0` to `siblings.7` instead, one for each of a level's bands,
    likewise `own`, `mix` and `head`, and two more, `widen` and `narrow`, before the mixing.

    By band: `band` and `band_step` (bands, C) and `band_head` (bands, size), int64 in units of 2**-12; `prediction`
    (bands, 13), int64 in units of 2**-12, None without the short context; `cross` (bands, 8, 27) and `cross_coarse`
    (bands, 27), likewise, if it is reversible (see `CrossPass`). `sections` is 1 if sections are merely sorted along z,
    else None. With `second_mix`, as `band`, and `second_head`, as `band_head`, quantisation is
    dependent: coefficients count in half steps, and these are what the second quantiser adds before the head and after;
    `trellis` is the number of states.
    """

    levels: int
    limit: int
    fraction: int
    density: IntegerDensity
    layers: dict[str, IntegerLayer]
    band: Tensor
    band_step: Tensor
    band_head: Tensor
    prediction: Tensor | None
    cross: Tensor | None = None
    cross_coarse: Tensor | None = None
    sections: int | None = None
    second_head: Tensor | None = None
    second_mix: Tensor | None = None
    trellis: int | None = None

    def __post_init__(self) -> None:
        """Raise ValueError if a sum of layers might be inexact, or the parts do not fit together."""
        check_context(self)

    def next_approx(self, q: Subbands, level: int, approx: Tensor | None) -> Tensor | None:
        """The reconstruction that the next level needs, if it does; see `coarse_context.next_approx`."""
        if self.layer("siblings", 0) is None or level + 1 >= self.levels:
            return None
        return next_approx(q, level, approx, self.cross is not None, bool(self.sections), self.dependent)

    def fronts(self, wave: Wavefront) -> list[tuple[int, int]]:
        """Positions that can be decoded at once: all, in pieces of a fixed length, where none depends on another."""
        return wave.chunks(PIECE) if self.layer("own", 0) is None else wave.fronts

    def level(
        self, level: int, wave: Wavefront, tiles: int, approx: Tensor | None, memory: Memory | None = None
    ) -> LevelContext:
        """The bands of one level of so many tiles; see `LevelContext`."""
        return LevelContext(self, level, wave, tiles, approx, memory)

    @property
    def dependent(self) -> bool:
        """Whether quantisation is dependent and coefficients count in half steps."""
        return self.second_head is not None

    @property
    def states(self) -> int:
        """How many states the trellis of dependent quantisation has."""
        return self.trellis or FIRST_STATES

    @property
    def oriented(self) -> bool:
        """Whether the outer layers differ by the place of a band among a level's eight."""
        return "head.0" in self.layers

    def layer(self, name: str, letters: int) -> IntegerLayer | None:
        """The layer of that name for a band, by its place among the eight; None if there is none."""
        return self.layers.get(self._name(name, letters))

    def needed(self, name: str, letters: int) -> IntegerLayer:
        """The same where there must be one."""
        return self.layers[self._name(name, letters)]

    def _name(self, name: str, letters: int) -> str:
        return f"{name}.{letters}" if self.oriented else name

    @property
    def channels(self) -> int:
        """Width of the network."""
        return self.band.shape[1]

    @cached_property
    def blocks(self) -> list[IntegerLayer]:
        """The residual layers, in order."""
        return [layer for name, layer in self.layers.items() if name.startswith("block")]

    @cached_property
    def siblings(self) -> list[IntegerLayer]:
        """The one layer over bands coded before, or that of each of the eight, `padded`."""
        if not self.oriented:
            return [self.layers["siblings"]]
        return [padded(self.needed("siblings", letters)) for letters in range(BANDS)]

    def condition(self, band: int, log_step: int) -> Tensor:
        """What band and step add to the features: (C,) float32 integers. Raises ValueError for absurd steps."""
        if abs(log_step) > LOG_STEP_LIMIT:
            raise ValueError(f"a step of exp({log_step / 2**LOG_STEP_FRACTION:g}) is out of range")
        shift = EMBEDDING_FRACTION + LOG_STEP_FRACTION - self.fraction
        total = (self.band[band] << LOG_STEP_FRACTION) + self.band_step[band] * log_step
        return _shifted(total, shift).to(torch.float32)

    def head_offset(self, band: int) -> Tensor:
        """What the band adds to the density's parameters: (size,) float32 that holds integers."""
        return _shifted(self.band_head[band], EMBEDDING_FRACTION - PARAMETER_FRACTION).to(torch.float32)

    def second_change(self, band: int) -> tuple[Tensor, Tensor] | None:
        """What the second quantiser adds to the mixed features, (C,), and to the density's parameters, (size,).

        Both are float32 that hold integers; None if there is no second one.
        """
        if self.second_head is None or self.second_mix is None:
            return None
        parts = ((self.second_mix, self.fraction), (self.second_head, PARAMETER_FRACTION))
        mixed, output = (_shifted(part[band], EMBEDDING_FRACTION - fraction).float() for part, fraction in parts)
        return mixed, output

    def predicted(self, band: int, neighbours: Tensor, others: Tensor | None = None) -> Tensor:
        """The 13 coefficients before each, (rows, 13) float64 integers -> predictions, int64 in units of 2**-8.

        `others` (rows,) is what other bands predict (see `CrossPass.of`).
        """
        if self.prediction is None:
            return torch.zeros(len(neighbours), dtype=torch.int64)
        total = neighbours @ self.prediction[band].double()
        if others is None:
            return _shifted(total.long(), PREDICTOR_FRACTION + self.dependent - PREDICTION_FRACTION)
        total = total * 2**APPROX_SHIFT + others
        return _shifted(total.long(), PREDICTOR_FRACTION + APPROX_SHIFT - PREDICTION_FRACTION)


def _shifted(x: Tensor, shift: int) -> Tensor:
    """x / 2**shift to the nearest integer, halves up."""
    return (x + (1 << shift >> 1)) >> shift
