"""The voxel model in integers."""

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np

from ..models.neighbours import HIGHEST_LEVEL, NEAR, OTHERS, PER_E, UNIT_LEVEL, is_causal
from ..models.quantisation.codes import FIRST_STATES
from .constants import PARAMETER_FRACTION, SINGLE
from .exact_tables import WORK, exp_fixed
from .integer_density import IntegerDensity
from .integer_layer import IntegerLayer

FRACTION = 6
"""Inputs count in units of 2**-6."""

INPUT_LIMIT = (32 << FRACTION) - 1
"""Largest magnitude of an input."""

NARROW = 2**15
"""Inputs of layers are below: the compiled core holds them in 16 bits, and sums in `SUMS`."""

SUMS = 2**31
"""Partial sums are below in magnitude."""

WIDEST, MOST_NEIGHBOURS = 1024, 4095
"""Most outputs of a hidden layer, and most neighbours."""

MANTISSA_BITS = 15
"""Bits of the mantissa of 1 / activity: its product with a difference of two numbers fits 32 bits."""


@dataclass(frozen=True, eq=False)
class IntegerVoxels:
    """The integer twin of a `VoxelEntropy`, with layers `hidden0`, ..., `head` and `skip`.

    `far` (n, 3) int64 are the offsets beyond `NEAR`. Activations are clamped to `limit`; `levels` are of previews.
    Raises ValueError if the parts do not fit together or a sum might be inexact.
    """

    levels: int
    limit: int
    density: IntegerDensity
    layers: dict[str, IntegerLayer]
    far: np.ndarray
    dependent: ClassVar[bool] = False
    states: ClassVar[int] = FIRST_STATES

    def __post_init__(self) -> None:
        """Check the parts."""
        if self.far.ndim != 2 or self.far.shape[1] != 3 or not len(self.far):
            raise ValueError("neighbours are offsets (z, y, x), and more than the nearest")
        if len(self.offsets) > MOST_NEIGHBOURS:
            raise ValueError("there are too many neighbours")
        if len(set(self.offsets)) < len(self.offsets):
            raise ValueError("a neighbour occurs twice")
        if not all(map(is_causal, self.offsets)):
            raise ValueError("a neighbour is not known before a voxel")
        names = [*(f"hidden{k}" for k in range(len(self.layers) - 2)), "head", "skip"]
        if list(self.layers) != names or len(names) < 3 or not 0 < self.limit < NARROW:
            raise ValueError("the layers are not those of a voxel model")
        width, limit = self.inputs, INPUT_LIMIT
        for name in names[:-1]:
            self._check(name, width, limit)
            width, limit = self.layers[name].weight.shape[1], self.limit
        if any(self.layers[name].weight.shape[1] > WIDEST for name in names[:-2]):
            raise ValueError("a hidden layer is too wide")
        self._check("skip", self.inputs, INPUT_LIMIT)
        outputs = [self.layers[name] for name in ("head", "skip")]
        if any(layer.weight.shape[1] != self.density.size + 1 for layer in outputs):
            raise ValueError("the outputs do not fit the density")
        if sum(layer.reach for layer in outputs) >= SINGLE:
            raise ValueError("the weights are too large for exact sums")

    def _check(self, name: str, width: int, limit: int) -> None:
        layer = self.layers[name]
        if layer.weight.shape[0] != width or layer.limit < limit:
            raise ValueError(f"the layer {name} does not fit the other parts")
        if layer.limit >= NARROW or int(layer.bounds.max()) >= SUMS:
            raise ValueError(f"the sums of the layer {name} may take more than 32 bits")

    @property
    def offsets(self) -> list[tuple[int, int, int]]:
        """Offsets (z, y, x) of all neighbours, the nearest first."""
        return [*NEAR, *((int(z), int(y), int(x)) for z, y, x in self.far)]

    @property
    def inputs(self) -> int:
        """Number of inputs: the neighbours and `OTHERS`."""
        return len(NEAR) + len(self.far) + OTHERS


@cache
def activity_thresholds() -> np.ndarray:
    """The least sum of the 16 differences for each activity level from 1 on, (226,) int64.

    Level k is 16 exp((k - 48) / 16), rounded in the logarithm.
    """
    sums = (16 * exp_fixed(2 * (level - UNIT_LEVEL) - 1, 2 * PER_E) for level in range(1, HIGHEST_LEVEL + 1))
    return np.array([-(-total >> WORK) for total in sums], np.int64)


@cache
def activity_tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mantissa and shift of 1 / activity, and the activity in units of 2**-8, by level; (227,) int64.

    Differences times mantissa >> shift are inputs, in units of 2**-6. Mantissas have 15 bits.
    """
    levels = range(HIGHEST_LEVEL + 1)
    inverse = [exp_fixed(UNIT_LEVEL - level, PER_E) << FRACTION for level in levels]
    shifts = [WORK + MANTISSA_BITS - value.bit_length() for value in inverse]
    mantissas = [value >> (WORK - shift) for value, shift in zip(inverse, shifts, strict=True)]
    activity = [exp_fixed(level - UNIT_LEVEL, PER_E) >> (WORK - PARAMETER_FRACTION) for level in levels]
    return np.array(mantissas, np.int64), np.array(shifts, np.int64), np.array(activity, np.int64)
