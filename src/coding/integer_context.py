"""Integer parameters of the context model: the same densities on every machine, in any order of summation."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..models.bands import BANDS
from ..models.quantisation.codes import FIRST_STATES, POLYNOMIALS
from .constants import (
    CENTRE,
    CUBE,
    EMBEDDING_FRACTION,
    LOG_STEP_FRACTION,
    LOG_STEP_LIMIT,
    PARAMETER_FRACTION,
    SINGLE,
)
from .exact_tables import SQUASH_LIMIT
from .integer_density import IntegerDensity
from .integer_layer import IntegerLayer, by_tap, rounded_shift

LARGEST = 2**31
"""Upper bound (exclusive) on the magnitude of table entries, so that no sum overflows."""

BY_BAND = {"siblings", "own", "widen", "narrow", "mix", "head"}
"""Layers that an oriented model has once for each band of a level."""

CROSS_LIMIT = 2**22
COARSE_LIMIT = 2**18
"""Bounds on the L1 norm of a filter, on coefficients and on the reconstruction, that keep float64 exact.

Coefficients reach 2**23 in units of 2**-6 of a tap, differences of the reconstruction 2**34.
"""


@dataclass(frozen=True, eq=False)
class IntegerContext:
    """The integer twin of a `ContextEntropy`; activations have `fraction` fractional bits and values up to `limit`.

    `layers` are named `coarse0`, `coarse1`, `siblings` (with the long context), `own` (with the short), `block0`, ...,
    `mix`, `head`. An oriented model has `siblings.0` to `siblings.7` instead, one for each band of a level, likewise
    for `own`, `mix` and `head`, and two more, `widen` and `narrow`, before the mixing.

    Tables by band: `band` and `band_step` (bands, C) and `band_head` (bands, size), int64 in units of 2**-12;
    `prediction` (bands, 13), int64 in units of 2**-12, None without the short context; `cross` (bands, 8, 27) and
    `cross_coarse` (bands, 27), in the same units, for a reversible model (see `CrossPass`). `sections` is 1 if sections
    are merely sorted along z, else None. With `second_mix` (like `band`) and `second_head` (like `band_head`)
    quantisation is dependent: coefficients count in half steps, and the second quantiser adds these two before and
    after the head; `trellis` is the number of states. With `magnitudes` 1, `own` has two
    inputs for each coefficient, its value and its magnitude, and `siblings` sees magnitudes.
    """

    levels: int
    limit: int
    fraction: int
    density: IntegerDensity
    layers: dict[str, IntegerLayer]
    band: np.ndarray
    band_step: np.ndarray
    band_head: np.ndarray
    prediction: np.ndarray | None
    cross: np.ndarray | None = None
    cross_coarse: np.ndarray | None = None
    sections: int | None = None
    second_head: np.ndarray | None = None
    second_mix: np.ndarray | None = None
    trellis: int | None = None
    magnitudes: int | None = None

    def __post_init__(self) -> None:
        """Raise ValueError if a sum of layers might be inexact, or the parts do not fit together."""
        _check(self)

    @property
    def dependent(self) -> bool:
        """True if quantisation is dependent, so that coefficients count in half steps."""
        return self.second_head is not None

    @property
    def states(self) -> int:
        """Number of states of the trellis of dependent quantisation."""
        return self.trellis or FIRST_STATES

    @property
    def own_inputs(self) -> int:
        """Inputs of `own` for each coefficient: its value and, with `magnitudes`, its magnitude."""
        return 2 if self.magnitudes else 1

    @property
    def oriented(self) -> bool:
        """True if each of a level's eight bands has its own outer layers."""
        return "head.0" in self.layers

    def layer(self, name: str, letters: int) -> IntegerLayer | None:
        """Layer `name` of a band, given the band's index in its level (0 to 7); None if there is none."""
        return self.layers.get(self._name(name, letters))

    def needed(self, name: str, letters: int) -> IntegerLayer:
        """Layer `name` of a band, as `layer`. Raises KeyError if there is none."""
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

    def synthesis(self, level: int) -> dict[str, bool] | None:
        """Options of the reconstruction (see `next_approx`) that follows a level; None if the next one sees none."""
        if not self.siblings or level + 1 >= self.levels:
            return None
        return {"reversible": self.cross is not None, "sections": bool(self.sections), "halves": self.dependent}

    @cached_property
    def siblings(self) -> list[IntegerLayer]:
        """Layers over bands coded before: one, or one for each of the eight; empty without this context.

        The latter are those of `by_tap`.
        """
        if not self.oriented:
            return [layer for name, layer in self.layers.items() if name == "siblings"]
        layers = [self.layer("siblings", letters) for letters in range(BANDS)]
        return [by_tap(layer) for layer in layers if layer is not None]

    def condition(self, band: int, log_step: int) -> np.ndarray:
        """Embedding of band and step, added to features: (C,) int64.

        Raises ValueError for a step out of range.
        """
        if abs(log_step) > LOG_STEP_LIMIT:
            raise ValueError(f"a step of exp({log_step / 2**LOG_STEP_FRACTION:g}) is out of range")
        shift = EMBEDDING_FRACTION + LOG_STEP_FRACTION - self.fraction
        return rounded_shift((self.band[band] << LOG_STEP_FRACTION) + self.band_step[band] * log_step, shift)

    def head_offset(self, band: int) -> np.ndarray:
        """Band-dependent bias of the density's parameters: (size,) int64."""
        return rounded_shift(self.band_head[band], EMBEDDING_FRACTION - PARAMETER_FRACTION)

    def second_change(self, band: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Biases of the second quantiser for the mixed features, (C,), and for the density's parameters, (size,).

        Both are int64; None if there is no second quantiser.
        """
        if self.second_head is None or self.second_mix is None:
            return None
        mixed = rounded_shift(self.second_mix[band], EMBEDDING_FRACTION - self.fraction)
        return mixed, rounded_shift(self.second_head[band], EMBEDDING_FRACTION - PARAMETER_FRACTION)


def _check(model: IntegerContext) -> None:
    """Raise ValueError if the parts do not fit together or a sum might be inexact."""
    _check_shapes(model)
    _check_sums(model)


def _check_shapes(model: IntegerContext) -> None:
    if not isinstance(model.fraction, int) or not 0 <= model.fraction <= 12 or not 0 < model.limit < 2**24:
        raise ValueError("the units of activations are out of range")
    for one, other in ((model.cross, model.cross_coarse), (model.second_head, model.second_mix)):
        if (one is None) != (other is None):
            raise ValueError("one half of what belongs together is missing")
    if model.trellis is not None and not model.dependent:
        raise ValueError("only dependent quantisation has a trellis")
    if model.dependent and not (isinstance(model.trellis, int) and model.trellis in POLYNOMIALS):
        raise ValueError(f"a trellis of {model.trellis} states does not fit")
    rows, width, size = model.levels * BANDS, model.band.shape[-1], model.density.size
    shapes = {
        "band": (rows, width),
        "band_step": (rows, width),
        "band_head": (rows, size),
        "prediction": (rows, CENTRE),
        "cross": (rows, BANDS, CUBE),
        "cross_coarse": (rows, CUBE),
        "second_mix": (rows, width),
        "second_head": (rows, size),
    }
    for name, shape in shapes.items():
        if (table := getattr(model, name)) is not None and (tuple(table.shape) != shape or not _is_small(table)):
            raise ValueError(f"{name} does not fit the other parts")
    _check_layers(model, width, size)


def _check_layers(model: IntegerContext, width: int, size: int) -> None:
    names = set(model.layers)
    kinds = {name.partition(".")[0] for name in names} if model.oriented else names
    needed = {"own", "siblings"} if model.cross is not None else {"own"} if model.dependent else set()
    needed |= {"coarse0", "coarse1"} if "siblings" in kinds else set()
    needed |= {"widen", "narrow"} if model.oriented else set()
    expected = {f"{kind}.{letters}" for kind in kinds & BY_BAND for letters in range(BANDS)}
    whole = expected | (kinds - BY_BAND) == names if model.oriented else not kinds & {"widen", "narrow"}
    if not needed <= kinds or (model.dependent and model.cross is not None) or not whole:
        raise ValueError("the layers do not fit the other parts")
    taps, causal = CUBE, CENTRE + 1
    for name, layer in model.layers.items():
        kind, _, letters = name.partition(".")
        before = max(int(letters), 1) if letters else BANDS
        shape = {
            "coarse0": (2 * taps, width),
            "coarse1": (width * taps, width),
            "siblings": (before * taps, width),
            "own": (CENTRE * model.own_inputs, width),
            "widen": (width, 2 * width),
            "narrow": (2 * width, width),
            "mix": (width, width),
            "head": (width, size),
        }.get(kind, (causal * width, width))
        limit = SQUASH_LIMIT if kind in ("coarse0", "siblings", "own") else model.limit
        sees_itself = name == "siblings.0" and bool(layer.weight.any())
        if layer.weight.shape != shape or layer.limit < limit or sees_itself:
            raise ValueError(f"the layer {name} does not fit the other parts")


def _check_sums(model: IntegerContext) -> None:
    most: dict[str, int] = {}
    for name, layer in model.layers.items():
        kind = name.partition(".")[0]
        most[kind] = max(most.get(kind, 0), layer.reach)
    sums = sum(reach for kind, reach in most.items() if kind not in ("coarse0", "widen", "mix", "head"))
    embedded = _largest(model.band) + _largest(model.band_step) * (LOG_STEP_LIMIT >> LOG_STEP_FRACTION)
    mixed = most["mix"] + _largest(model.second_mix)
    output = most["head"] + _largest(model.band_head) + _largest(model.second_head)
    predictor = 0 if model.prediction is None else int(np.abs(model.prediction).sum(axis=1).max())
    if max(sums + embedded, mixed, output) >= SINGLE or predictor >= 2**30:
        raise ValueError("the weights are too large for exact sums")
    if model.cross is not None and model.cross_coarse is not None:
        reach = predictor + int(np.abs(model.cross).sum(axis=(1, 2)).max())
        if reach >= CROSS_LIMIT or int(np.abs(model.cross_coarse).sum(axis=1).max()) >= COARSE_LIMIT:
            raise ValueError("the prediction from other bands is too large for exact sums")


def _is_small(table: np.ndarray) -> bool:
    return table.size > 0 and int(table.min()) > -LARGEST and int(table.max()) < LARGEST


def _largest(table: np.ndarray | None) -> int:
    return 0 if table is None else int(np.abs(table).max())
