"""The context model in integers: the same densities on every machine, whatever the order of summation."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import torch
from torch import Tensor

from ..models.conv import CausalConv3d, Conv3d
from ..models.entropy import ContextEntropy
from ..models.subbands import Subbands, coded_before
from .coarse_context import SQUASH_LIMIT, next_approx
from .constants import (
    LOG_STEP_FRACTION,
    LOG_STEP_LIMIT,
    PARAMETER_FRACTION,
    PIECE,
    PREDICTION_FRACTION,
    SQUASH_FRACTION,
)
from .context_checks import check_context
from .cross_pass import APPROX_SHIFT
from .integer_layer import IntegerLayer, quantised_layer
from .level_context import LevelContext
from .mixture import IntegerDensity, integer_density
from .schedule import Memory
from .wavefront import CENTRE, Wavefront

PREDICTOR_FRACTION = 12
EMBEDDING_FRACTION = 12
"""Embeddings of bands count in units of 2**-12."""


@dataclass(frozen=True)
class Precision:
    """Most and fewest bits per weight (see `quantised_layer`), bits of activations and how many are fractional.

    Activations are not negative; larger ones are clamped.
    """

    weight: tuple[int, int] = (8, 5)
    activation: int = 11
    fraction: int = 5

    @property
    def limit(self) -> int:
        """The largest activation."""
        return 2**self.activation - 1


@dataclass(frozen=True)
class IntegerContext:
    """A `ContextEntropy` in integers. Activations have `fraction` fractional bits and reach up to `limit`.

    `layers` names `coarse0`, `coarse1`, `siblings` (with the long context), `own` (with the short), `block0`, ...,
    `mix`, `head`. By band: `band` and `band_step` (bands, C) and `band_head` (bands, size), int64 in units of 2**-12;
    `prediction` (bands, 13), int64 in units of 2**-12, None without the short context; `cross` (bands, 8, 27) and
    `cross_coarse` (bands, 27), likewise, if it is reversible (see `CrossPass`). `sections` is 1 if sections are merely
    sorted along z, else None. With `second_mix`, as `band`, and `second_head`, as `band_head`, quantisation is
    dependent: coefficients count in half steps, and these are what the second quantiser adds before the head and after.
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

    def __post_init__(self) -> None:
        """Raise ValueError if a sum of layers might be inexact, or the parts do not fit together."""
        check_context(self)

    def next_approx(self, q: Subbands, level: int, approx: Tensor | None) -> Tensor | None:
        """The reconstruction that the next level needs, if it does; see `coarse_context.next_approx`."""
        if "siblings" not in self.layers or level + 1 >= self.levels:
            return None
        return next_approx(q, level, approx, self.cross is not None, bool(self.sections), self.dependent)

    def fronts(self, wave: Wavefront) -> list[tuple[int, int]]:
        """Positions that can be decoded at once: all, in pieces of a fixed length, where none depends on another."""
        return wave.fronts if "own" in self.layers else wave.chunks(PIECE)

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
    def channels(self) -> int:
        """Width of the network."""
        return self.band.shape[1]

    @cached_property
    def blocks(self) -> list[IntegerLayer]:
        """The residual layers, in order."""
        return [layer for name, layer in self.layers.items() if name.startswith("block")]

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


def integer_context(model: ContextEntropy, precision: Precision | None = None) -> IntegerContext:
    """Round a trained model. Raises ValueError where a weight is too large or a density has no integer form."""
    precision = precision or Precision()
    inner = (precision.fraction, precision.fraction)
    entry = (SQUASH_FRACTION, precision.fraction)
    layers: dict[str, IntegerLayer] = {}

    def add(name: str, weight: Tensor, bias: Tensor | None, fractions: tuple[int, int], limit: int) -> None:
        layers[name] = quantised_layer(weight, bias, fractions, limit, precision.weight)

    if model.coarse is not None and model.siblings is not None:
        first, last = cast(Conv3d, model.coarse[0]), cast(Conv3d, model.coarse[2])
        # the second input counts a quarter
        weight = first.weight * torch.tensor([1.0, 0.25]).view(1, 2, 1, 1, 1)
        add("coarse0", _tap_major(weight), first.bias, entry, SQUASH_LIMIT)
        add("coarse1", _tap_major(last.weight), last.bias, inner, precision.limit)
        add("siblings", model.siblings.weight.flatten(1), model.siblings.bias, entry, SQUASH_LIMIT)
    if model.own is not None:
        add("own", _tap_major(model.own.weight)[:, :CENTRE], model.own.bias, entry, SQUASH_LIMIT)
    for index, block in enumerate(cast(Iterable[CausalConv3d], model.blocks)):
        taps = (CENTRE + 1) * model.mix.in_channels
        add(f"block{index}", _tap_major(block.weight)[:, :taps], block.bias, inner, precision.limit)
    add("mix", model.mix.weight.flatten(1), model.mix.bias, inner, precision.limit)
    out = (precision.fraction, PARAMETER_FRACTION)
    add("head", model.head.weight.flatten(1), model.head.bias, out, precision.limit)
    prediction = model.prediction
    return IntegerContext(
        levels=model.levels,
        limit=precision.limit,
        fraction=precision.fraction,
        density=integer_density(model.density),
        layers=layers,
        band=_fixed(model.band.weight, EMBEDDING_FRACTION),
        band_step=_fixed(model.band_step.weight, EMBEDDING_FRACTION),
        band_head=_fixed(model.band_head.weight, EMBEDDING_FRACTION),
        second_head=None if model.second_head is None else _fixed(model.second_head.weight, EMBEDDING_FRACTION),
        second_mix=None if model.second_mix is None else _fixed(model.second_mix.weight, EMBEDDING_FRACTION),
        prediction=None if prediction is None else _fixed(_causal(prediction.table.weight), PREDICTOR_FRACTION),
        sections=1 if model.sections else None,
        cross=None if model.cross is None else _before(_fixed(model.cross.siblings.weight, PREDICTOR_FRACTION)),
        cross_coarse=None if model.cross is None else _fixed(model.cross.coarse.weight, PREDICTOR_FRACTION).flatten(1),
    )


def _tap_major(weight: Tensor) -> Tensor:
    """A conv's weight (N, C, kz, ky, kx) -> (N, taps * C), the taps in raster order."""
    return weight.flatten(2).transpose(1, 2).flatten(1)


def _causal(kernels: Tensor) -> Tensor:
    """Kernels (bands, 1, 2, 3, 3) -> their taps before the centre, (bands, 13)."""
    return kernels.flatten(1)[:, :CENTRE]


def _before(kernels: Tensor) -> Tensor:
    """Filters (bands, 8, 3, 3, 3), the bands of a level by place -> (bands, 8, 27), zero for bands not yet coded."""
    count = kernels.shape[1]
    before = coded_before(count, kernels).repeat(len(kernels) // count, 1)
    return kernels.flatten(2) * before.unsqueeze(2)


def _fixed(values: Tensor, fraction: int) -> Tensor:
    return torch.round(values.detach().double() * 2**fraction).long()


def _shifted(x: Tensor, shift: int) -> Tensor:
    """x / 2**shift to the nearest integer, halves up."""
    return (x + (1 << shift >> 1)) >> shift
