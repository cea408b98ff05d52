"""Trials of rate control: tiles coded at a step, and the estimate for the whole that follows from some of them.

A survey of all tiles estimates rate and error at any step, up to a factor that a few coded tiles correct (a ratio
estimator, as in Cochran, "Sampling techniques", chapter 6).
"""

import math
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..coding.constants import LOG_STEP_FRACTION, log_step_of
from .grid import Tile
from .survey import Survey
from .target import Target
from .tile_index import Mode
from .tile_work import EncodedTile
from .writer import Writer

BEYOND = log_step_of(8)
"""Largest extrapolation beyond the steps a model was trained for: a factor of 8."""

SAMPLED = 64**3
"""Voxels that are coded first, at least; in larger volumes, half the root of the number of tiles."""

MEASURED = 4
"""At least so many tiles are decoded to measure their error; one in eight if that is more.

In all others it is measured in the coefficients. The ratio of both differs by less than 1 % between tiles.
"""

CERTAIN = 3.0
"""Standard errors of an estimated PSNR that must lie within the tolerance; otherwise all tiles are decoded."""


class Search:
    """The steps that are tried for a target, with the sample of tiles that is coded first."""

    def __init__(self, writer: Writer, target: Target) -> None:
        self.writer = writer
        self.target = target
        low, high = map(log_step_of, writer.model.description.step_range)
        self.bounds = low - BEYOND, high + BEYOND
        self.survey = Survey.of(writer, writer.lossy(self.bounds[1]))
        tiles = self.survey.order
        sizes = np.cumsum([math.prod(tile.size) for tile in tiles])
        self.sample = max(int(np.searchsorted(sizes, SAMPLED)) + 1, math.isqrt(len(tiles)) // 2)
        self.least = self.sample + 1
        self.seen = set[int]()
        self.corrections = np.ones(len(self.survey.order))

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
        order = self.survey.order
        return frozenset(tile.number for tile in order[: max(MEASURED, len(order) // 8)])

    def estimates(self, log_step: int) -> np.ndarray:
        """Estimated bits or squared error of every tile at a step, (n,), in line with what was learnt."""
        return self.survey.estimates(log_step, self.target) * self.corrections + 1e-9

    def learn(self, trial: "Trial") -> None:
        """Correct the estimates by a trial in which all tiles are coded."""
        actual = [trial.parts[tile.number] for tile in self.survey.order]
        if self.target.psnr is None:
            taken = [8.0 * part.size for part in actual]
        else:
            taken = [part.coefficient_error or 0.0 for part in actual]
        self.corrections *= np.array(taken) / self.estimates(trial.log_step)

    def scaled(self, total: float) -> float:
        """Bits or squared error of the whole -> on the scale of `Target.scaled`."""
        if self.target.psnr is None:
            return self.target.scaled(total / self.writer.source.voxels.size)
        return self.target.scaled(10 * math.log10(self.writer.peak**2 * self.counted / max(total, 1.0)))

    def expected(self, log_step: int) -> float:
        """The estimate before anything is coded, on the same scale."""
        return self.scaled(max(1.0, float(self.survey.estimates(log_step, self.target).sum())))

    def start(self, goal: float) -> int:
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


@dataclass(frozen=True, eq=False)
class Total:
    """An estimated sum over all tiles, and its standard error in relation to it."""

    value: float
    deviation: float = 0.0


class Trial:
    """The tiles coded at one step."""

    def __init__(self, search: Search, log_step: int) -> None:
        self.search = search
        self.log_step = log_step
        self.codec = search.writer.lossy(log_step)
        self.parts = dict[int, EncodedTile]()

    @property
    def is_complete(self) -> bool:
        """True if all tiles are coded."""
        return len(self.parts) == len(self.search.survey.order)

    @property
    def needs_model(self) -> bool:
        """True if a tile needs the model."""
        return any(part.coded.mode == Mode.MODEL for part in self.parts.values())

    def code(self, tiles: Iterable[Tile], final: bool = False) -> None:
        """Code tiles, unless they are coded already; report progress if the trial may be the `final` one."""
        search = self.search
        missing = [tile for tile in tiles if tile.number not in self.parts]
        self._code(missing, search.measured)
        for tile in tiles if final else ():
            if tile.number not in search.seen:
                search.seen.add(tile.number)
                search.writer.report(tile)

    def _code(self, tiles: list[Tile], measured: frozenset[int] | None) -> None:
        writer, of_error = self.search.writer, self.search.target.psnr is not None
        work = replace(writer.encoder(self.codec), measured=measured, looks=self.search.survey.looks)
        if of_error:
            work = replace(work, limits=writer.limits)
        with closing(writer.encoded(work, tiles)) as done:
            self.parts |= {tile.number: part for tile, part in done}

    def value(self) -> float:
        """PSNR or rate of the whole, estimated from the tiles coded so far; on the scale of `Target.scaled`."""
        return self.search.scaled(self._bits() if self.search.target.psnr is None else self._error().value)

    def _share(self) -> float:
        """The share of the tiles coded so far in the survey's estimate."""
        each = self.search.estimates(self.log_step)
        coded = np.array([tile.number in self.parts for tile in self.search.survey.order])
        return float(each[coded].sum() / each.sum())

    def _bits(self) -> float:
        coded = sum(part.size for part in self.parts.values())
        return 8 * (len(self.stream()) + coded * (1 / self._share() - 1))

    def _error(self) -> Total:
        """Squared error: that of all coefficients, times the ratio of both in the tiles where both are measured."""
        inexact = [part for part in self.parts.values() if part.squared_error is None or part.coefficient_error]
        known = [(p.squared_error, p.coefficient_error) for p in inexact if p.squared_error is not None]
        errors, coefficients = np.array(known, np.float64).reshape(-1, 2).T
        if len(known) == len(inexact):
            return Total(float(errors.sum()) / self._share())
        if len(known) < MEASURED:  # too few for a ratio, let alone its deviation
            return Total(sum(part.coefficient_error or 0.0 for part in inexact) / self._share(), math.inf)
        ratio = float(errors.sum()) / max(float(coefficients.sum()), 1.0)
        total = ratio * sum(part.coefficient_error or 0.0 for part in self.parts.values())
        spread = float(np.square(errors - ratio * coefficients).sum()) / max(1, len(known) - 1) / len(known)
        deviation = len(inexact) * math.sqrt(spread * (1 - len(known) / len(inexact))) / max(total, 1.0)
        return Total(total / self._share(), deviation)

    def certain(self, goal: float) -> bool:
        """True if all tiles meet the goal; decodes all of them where an estimate leaves doubts."""
        target = self.search.target
        if target.psnr is not None:
            doubt = CERTAIN * 10 / math.log(10) * self._error().deviation
            if abs(self.value() - goal) + doubt > target.tolerance >= abs(self.value() - goal) - doubt:
                numbers = [number for number, part in self.parts.items() if part.squared_error is None]
                self._code([tile for tile in self.search.survey.order if tile.number in set(numbers)], None)
        return abs(self.value() - goal) <= target.tolerance

    def stream(self) -> bytes:
        """The stream; tiles that are not coded yet are empty."""
        return self.search.writer.joined(self.codec, self.search.survey.fixed | self.parts)
