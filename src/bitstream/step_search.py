"""Prediction of size and error of the whole at any step, from a survey and all tiles coded so far.

A survey of all tiles estimates rate and error at any step, up to factors. A tile that is coded shows its own; that of
others is predicted from the rate or error per voxel, on a line through the known ones (a regression estimator, as in
Cochran, "Sampling techniques", chapter 7).
"""

import math
from collections.abc import Mapping
from functools import cached_property
from statistics import NormalDist

import numpy as np

from ..coding.constants import LOG_STEP_FRACTION, log_step_of
from .survey import Survey
from .target import Target
from .tile_work import EncodedTile
from .writer import Writer

BEYOND = log_step_of(8)
"""ln(8): steps may be 8 times below those a model was trained for; then integers are nearly exact."""

COARSEST = log_step_of(1 << 16)
"""The largest step, as large as the range of numbers: only the coarsest means are left."""

SAMPLED = 1 << 16
"""Voxels that are coded first, at least; in larger volumes, a quarter of the root of the number of tiles."""

MEASURED = 4
"""At least so many tiles are decoded to measure their error; one in eight if that is more.

In all others it is measured in the coefficients. The ratio of both differs by less than 1 % between tiles.
"""

SPREAD, WEIGHT = 0.05, 2
"""Factors differ by 5 % between tiles, before it is known; as if two tiles had shown it."""

TILT = 0.15
"""It changes by about 0.15 per unit of the logarithm of what is estimated per voxel, in either direction."""

DRIFT = 0.3
"""A tile's factor changes by up to 0.3 per unit of ln(step)."""


class Search:
    """The search for the step that meets a target: what is known about all tiles."""

    def __init__(self, writer: Writer, target: Target) -> None:
        self.writer = writer
        self.target = target
        low, high = writer.model.log_steps
        self.bounds = low - BEYOND, max(COARSEST, high)
        self.survey = Survey.of(writer, writer.lossy(self.bounds[1]))
        self.order = self.survey.order
        self.sizes = np.array([math.prod(tile.size) for tile in self.order], np.int64)
        least = int(np.searchsorted(np.cumsum(self.sizes), SAMPLED)) + 1
        self.sample = max(least, math.isqrt(len(self.order)) // 4)
        self.reported = set[int]()
        self._place = {tile.number: k for k, tile in enumerate(self.order)}
        self._factors = np.ones(len(self.order))
        self._predicted = np.ones(len(self.order))
        self._coded_at = np.full(len(self.order), np.nan)
        self._errors = dict[int, tuple[float, float]]()

    @cached_property
    def counted(self) -> int:
        """Voxels that count for a PSNR."""
        tiles = (tile for tile in self.writer.grid.tiles() if not self.writer.source.is_second(tile.frame))
        return sum(map(self.writer.counted, tiles))

    @cached_property
    def measured(self) -> frozenset[int] | None:
        """Tiles that are decoded to measure their error; None for all."""
        if self.writer.source.mask is not None:
            return None
        return frozenset(tile.number for tile in self.order[: max(MEASURED, len(self.order) // 8)])

    @property
    def is_new(self) -> np.ndarray:
        """Tiles that no trial has coded yet: (n,) bool."""
        return np.isnan(self._coded_at)

    @property
    def ratio(self) -> float:
        """Squared error of decoded numbers in relation to that of coefficients; 1 before it is known."""
        errors, coefficients = np.array([*self._errors.values()], np.float64).reshape(-1, 2).sum(axis=0)
        return float(errors / coefficients) if errors > 0 and coefficients > 0 else 1.0

    def learn(self, log_step: int, parts: Mapping[int, EncodedTile]) -> None:
        """Learn from tiles that were coded at a step, by number."""
        at = np.array([self._place[number] for number in parts])
        if self.target.psnr is None:
            taken = [8.0 * part.size for part in parts.values()]
        else:
            taken = [part.coefficient_error or 0.0 for part in parts.values()]
            self._errors |= {
                number: (part.squared_error, part.coefficient_error or 0.0)
                for number, part in parts.items()
                if part.squared_error is not None
            }
        surveyed = self._surveyed(log_step)
        self._factors[at] = np.array(taken) / surveyed[at]
        self._coded_at[at] = log_step
        self._predicted = self._line(np.log(surveyed / self.sizes), surveyed)
        self._factors = np.where(self.is_new, self._predicted, self._factors)

    def _line(self, x: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """The factors on a line through those known at `x`, whose slope is about `TILT` at most; all (n,) float64."""
        known = ~self.is_new
        shares = weight[known] / weight[known].sum()
        mean_x, mean = shares @ x[known], shares @ self._factors[known]
        apart = x[known] - mean_x
        slope = shares @ (apart * self._factors[known]) / (shares @ apart**2 + (SPREAD / TILT) ** 2 / len(shares))
        line: np.ndarray = np.clip(mean + slope * (x - mean_x), mean / 2, 2 * mean)
        return line

    def _surveyed(self, log_step: int) -> np.ndarray:
        return self.survey.estimates(log_step, self.target) + 1e-9

    def estimates(self, log_step: int) -> np.ndarray:
        """Estimated bits or squared error of the coefficients of every tile at a step: (n,) float64."""
        return self._surveyed(log_step) * self._factors

    def deviation(self, log_step: int) -> float:
        """Standard error of the sum of `estimates` in relation to it."""
        each, known = self.estimates(log_step), ~self.is_new
        count, total = int(known.sum()), max(float(each.sum()), 1e-9)
        if count == 0:
            return math.inf
        residuals = each - self._surveyed(log_step) * self._predicted
        prior = WEIGHT * (SPREAD * each[known].mean()) ** 2
        spread = (np.square(residuals[known]).sum() + prior) / (count - 1 + WEIGHT)
        away = np.abs(self._coded_at[known] - log_step) / 2**LOG_STEP_FRACTION
        drift = DRIFT * float(np.average(away, weights=each[known] + 1e-9)) * total
        return math.sqrt(spread * (len(each) - count) * len(each) / count + drift**2) / total

    def risk(self, log_step: int, distance: float) -> float:
        """Probability that a step whose estimate is so far from the goal misses it."""
        error = NormalDist(0.0, max(self.target.relative * self.deviation(log_step), 1e-9))
        tolerance = self.target.tolerance
        return 1 - (error.cdf(tolerance - distance) - error.cdf(-tolerance - distance))

    def scaled(self, total: float) -> float:
        """Bits or squared error of the whole -> on the scale of `Target.scaled`."""
        if self.target.psnr is None:
            return self.target.scaled(total / self.writer.source.voxels.size)
        return self.target.scaled(10 * math.log10(self.writer.peak**2 * self.counted / max(total, 1.0)))

    def expected(self, log_step: int) -> float:
        """The estimate for a step, on the same scale."""
        return self.scaled(max(1.0, self.ratio * float(self.estimates(log_step).sum())))

    def best(self, goal: float) -> int:
        """The step with this estimate."""
        low, high = self.bounds
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.expected(middle) > goal else (low, middle)
        return low

    def slope(self, log_step: int) -> float:
        """Derivative of the estimate by ln(step)."""
        octave = 2**LOG_STEP_FRACTION // 2
        return min(self.expected(log_step + octave) - self.expected(log_step - octave), self.target.slope / 4)
