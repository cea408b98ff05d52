"""Linear prediction from other bands, in integers: what `CrossPredictor` does, exactly."""

import torch
from torch import Tensor

from .wavefront import Wavefront

APPROX_SHIFT = 6
"""Sums count in units of 2**-6 of those of the predictor's taps, since the reconstruction has that many more bits."""

ROWS = 8192
"""Positions worked on at once: what a processor's cache holds."""


class CrossPass:
    """Prediction of the following bands from coarser levels and from bands of the same level coded before, for T tiles.

    `siblings` (8, 8, 27) are the filters of a level by the band they predict and the band they see, `coarse` (8, 27)
    those of the reconstruction `approx` (T, 1, d, h, w), in units of 2**-6 steps, None at the coarsest level; taps are
    int64 in units of 2**-12. Float64 holds all sums exactly.
    """

    def __init__(self, siblings: Tensor, coarse: Tensor, wave: Wavefront, tiles: int, approx: Tensor | None) -> None:
        self._siblings = siblings.double() * 2**APPROX_SHIFT
        self._total = torch.zeros(tiles, wave.positions, len(siblings), dtype=torch.float64)
        if approx is not None:
            self._add_coarse(coarse.double(), wave, wave.sort(approx[:, 0]).double())

    def _add_coarse(self, kernels: Tensor, wave: Wavefront, values: Tensor) -> None:
        """Differences of the reconstruction (T, P) to its value in the centre; outside there are none."""
        centre = torch.arange(wave.positions).unsqueeze(1)
        near = torch.where(wave.neighbours == wave.positions, centre, wave.neighbours)
        for start, end in wave.chunks(max(1, ROWS // len(values))):
            differences = values[:, near[start:end]] - values[:, start:end, None]
            self._total[:, start:end] = differences @ kernels.T

    def add_band(self, start: int, end: int, letters: int, neighbours: Tensor) -> None:
        """Tell of a band, by its place among the eight: (T * n, 27) coefficients about `start` to `end`, float64."""
        total = self._total[:, start:end]
        total += (neighbours @ self._siblings[:, letters].T).view_as(total)

    def of(self, start: int, end: int, letters: int) -> Tensor:
        """Prediction of a band there: (T * n,) float64 integers, in units of 2**-18."""
        return self._total[:, start:end, letters].flatten()
