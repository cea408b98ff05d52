"""Targets of rate control, and the solver that finds the step for one."""

import math
from dataclasses import dataclass

from ..coding.constants import LOG_STEP_FRACTION
from ..errors import AiwaveError


@dataclass(frozen=True)
class Target:
    """Target of rate control: a PSNR [dB] or a rate [bit/voxel]. Raises AiwaveError if it is not positive."""

    psnr: float | None
    bpp: float | None

    def __post_init__(self) -> None:
        if not 0 < self.value < math.inf:
            raise AiwaveError(f"A target of {self.value:g} {self.unit} cannot be met: give a positive number.")

    @property
    def value(self) -> float:
        """Value of the target, in its unit."""
        return self.bpp if self.psnr is None else self.psnr  # type: ignore[return-value]

    @property
    def unit(self) -> str:
        """Unit of the target."""
        return "dB" if self.bpp is None else "bit/voxel"

    @property
    def tolerance(self) -> float:
        """Accepted deviation from the target, on the scale of `scaled`."""
        return 0.1 if self.bpp is None else 0.02

    @property
    def relative(self) -> float:
        """Magnitude of the derivative of `scaled` by the logarithm of the squared error or of the bits."""
        return 10 / math.log(10) if self.bpp is None else 1.0

    @property
    def slope(self) -> float:
        """Derivative of `scaled` by ln(step): that of uniform quantisers for a PSNR, an estimate for a rate."""
        return -20 / math.log(10) if self.bpp is None else -0.7

    def scaled(self, value: float) -> float:
        """The PSNR, or the logarithm of the rate: both are nearly linear in ln(step)."""
        return value if self.bpp is None else math.log(value)


class TargetMissed(AiwaveError):
    """No step meets a target. `better` is the largest step tried, in units of the voxels, that gives a higher value."""

    def __init__(self, message: str, better: float | None = None) -> None:
        super().__init__(message)
        self.better = better


class Solver:
    """Solves f(x) = y for a decreasing function of integers within bounds, with as few evaluations as possible.

    `slope` is the derivative of f(x) by ln(step), if it is known.
    """

    def __init__(self, bounds: tuple[int, int], target: Target, slope: float | None = None) -> None:
        self.bounds = bounds
        self.target = target
        self.guess = slope or target.slope
        self.known: dict[int, float] = {}
        self.exact = set[int]()
        """Those known x at which nothing is lost: their PSNR is infinite, and f(x) a bound that errors stay below."""

    @property
    def slope(self) -> float:
        """Slope between the last two points evaluated; the guess if there are fewer than two."""
        if len(self.known) < 2:
            return self.guess
        (a, f_a), (b, f_b) = list(self.known.items())[-2:]
        return min((f_a - f_b) / (a - b) * 2**LOG_STEP_FRACTION, self.guess / 4)

    def next(self, y: float) -> int:
        """Next x: between the nearest points on either side, or beyond the last; a known one ends the search."""
        before = max((x for x in self.known if self.known[x] >= y), default=None)
        after = min((x for x in self.known if self.known[x] < y), default=None)
        if before is None or after is None:
            at = after if before is None else before
            assert at is not None
            slope = self.slope / 2**LOG_STEP_FRACTION
            further = round((y - self.known[at]) / slope * 1.1) or (1 if after is None else -1)
            return min(max(at + further, self.bounds[0]), self.bounds[1])
        if after - before <= 1:
            return before
        share = (self.known[before] - y) / (self.known[before] - self.known[after])
        share = min(max(share, 0.1), 0.9)
        return min(max(before + round(share * (after - before)), before + 1), after - 1)

    def missed(self, y: float, scale: float) -> TargetMissed:
        """The error for a goal of y, where voxels are `scale` numbers."""
        better = [x for x, value in self.known.items() if value > y or x in self.exact]
        return TargetMissed(self.failure(scale), math.exp(max(better) / 256) * scale if better else None)

    def failure(self, scale: float) -> str:
        """A sentence that tells what the steps tried gave, in units of the voxels, which are `scale` numbers."""
        values = {x: y if self.target.bpp is None else math.exp(y) for x, y in self.known.items()}
        values |= dict.fromkeys(self.exact, math.inf)
        wanted, unit = self.target.value, self.target.unit
        nearest = min(values, key=lambda x: abs(values[x] - wanted))
        first, last, best = (math.exp(x / 256) * scale for x in (min(values), max(values), nearest))

        def words(value: float, digits: int = 3) -> str:
            return "no error at all" if math.isinf(value) else f"{value:.{digits}g} {unit}"

        given = " to ".join(dict.fromkeys((words(min(values.values())), words(max(values.values())))))
        missed = f"{wanted:g} {unit} was not met with this model and volume"
        if len(values) == 1:
            return f"{missed}: step {best:.4g}, where the search ends, gave {words(values[nearest], 4)}."
        return (
            f"{missed}: steps from {first:.3g} to {last:.3g} gave {given}; the nearest, {words(values[nearest], 4)}, "
            f"comes with step {best:.4g}."
        )
