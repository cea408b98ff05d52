"""The factorized model in integers."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..models.bands import DETAILS
from ..models.quantisation.codes import FIRST_STATES
from .constants import LOG_STEP_FRACTION, SINGLE
from .integer_density import IntegerDensity
from .integer_layer import IntegerLayer

FRACTION = LOG_STEP_FRACTION

LIMIT = 2**16 - 1

BITS = (12, 12)
"""Bits per weight: more than in the context model, since the network runs only once per band."""


@dataclass(frozen=True, eq=False)
class IntegerFactorized:
    """The integer twin of a `FactorizedEntropy`; `embedding` (bands, C), `band_head` (bands, size): int64 in 2**-8.

    Raises ValueError if the parts do not fit together or a sum might be inexact.
    """

    levels: int
    density: IntegerDensity
    layers: dict[str, IntegerLayer]
    embedding: np.ndarray
    band_head: np.ndarray
    dependent: ClassVar[bool] = False
    states: ClassVar[int] = FIRST_STATES

    def __post_init__(self) -> None:
        """Check the parts."""
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
        if not self.layers or width != self.density.size or reach + max(-low, high) >= SINGLE:
            raise ValueError("the last layer does not fit the density, or the weights are too large for exact sums")

    def parameters(self, level: int, letters: int, log_step: int) -> np.ndarray:
        """Density parameters (size,) int64 of band `letters` (0 to 7) of a level."""
        band = letters + DETAILS * level
        hidden = np.append(self.embedding[band], log_step).clip(-LIMIT, LIMIT)
        for k, layer in enumerate(self.layers.values()):
            inputs = hidden.clip(0, LIMIT) if k else hidden
            hidden = (inputs @ layer.weight.astype(np.int64) + layer.bias) >> layer.shift
        return hidden + self.band_head[band]
