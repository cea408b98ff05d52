"""Rate control: the search for the quantisation step that meets a target PSNR or rate."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property

from ..coding.constants import LOG_STEP_FRACTION
from ..errors import AiwaveError
from .container import open_stream
from .grid import Tile
from .plain_tiles import is_flat
from .tile_codec import one
from .tile_work import squared_error
from .workers import batch_voxels
from .writer import Writer

SAMPLED = 8 * 64**3
"""Voxels in the sample that the search measures; the result is checked on the whole volume."""

BEYOND = round(math.log(8) * 2**LOG_STEP_FRACTION)
"""Largest extrapolation beyond the steps a model was trained for: a factor of 8."""

EVALUATIONS = 16


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
    def slope(self) -> float:
        """Derivative of `scaled` by ln(step): that of uniform quantisers for a PSNR, an estimate for a rate."""
        return -20 / math.log(10) if self.bpp is None else -0.7

    def scaled(self, value: float) -> float:
        """The PSNR, or the logarithm of the rate: both are nearly linear in ln(step)."""
        return value if self.bpp is None else math.log(value)


@dataclass
class Distortion:
    """Accumulated squared error of voxels rounded and clipped as by the decoder."""

    peak: float
    total: float = 0.0
    voxels: int = 0

    def add(self, error: float, voxels: int) -> None:
        """Add the squared error of `voxels` voxels."""
        self.total += error
        self.voxels += voxels

    @property
    def psnr(self) -> float:
        """PSNR in dB; without any error, that of a total squared error of 1."""
        return 10 * math.log10(self.peak**2 * self.voxels / max(self.total, 1.0))


@dataclass(frozen=True, eq=False)
class Search:
    """Measures a sample of tiles at many steps."""

    writer: Writer
    target: Target

    @cached_property
    def tiles(self) -> list[Tile]:
        """The sample, evenly spaced among all tiles."""
        source = self.writer.source
        tiles = [tile for tile in self.writer.grid.tiles() if not source.is_second(tile.frame)]
        return tiles[:: min(math.ceil(source.voxels.size / SAMPLED), len(tiles))]

    @cached_property
    def textured(self) -> list[Tile]:
        """Those tiles of the sample that are coded with the model whatever the step; the others are exact."""
        if self.writer.model_only:
            return self.tiles
        return [tile for tile in self.tiles if not is_flat(self.writer.numbers(tile))]

    def measure(self, log_step: int) -> float:
        """PSNR or rate of the sample, on the scale of `Target.scaled`."""
        codec = self.writer.lossy(log_step)
        distortion = Distortion(self.writer.peak)
        bits, voxels = 1.0, sum(math.prod(tile.size) for tile in self.tiles)
        distortion.add(0.0, sum(map(self.writer.counted, self.tiles)))
        for batch in map(self.writer.batch, self.writer.grid.batches(iter(self.textured), batch_voxels())):
            q = codec.analyse(batch.voxels)
            if self.target.bpp is None:
                for k, (part, known) in enumerate(zip(batch.voxels, batch.known, strict=True)):
                    distortion.add(squared_error(codec, one(q, k), part, self.writer.limits, known), 0)
            else:
                bits += codec.bits(q, batch.tiles[0].size)
        return self.target.scaled(distortion.psnr if self.target.bpp is None else bits / voxels)


def search(writer: Writer, target: Target) -> bytes:
    """The stream that meets a target; one that is exact throughout, and smaller than with the model, needs no search.

    Raises AiwaveError, with the attainable range, if no step does.
    """
    sample = Search(writer, target)
    low, high = (round(math.log(step) * 2**LOG_STEP_FRACTION) for step in writer.model.description.step_range)
    bounds = low - BEYOND, high + BEYOND
    goal = target.scaled(target.value)
    first = Solver(sample.measure, bounds, target, target.tolerance / 8)
    log_step = sum(bounds) // 2
    streams: dict[int, bytes] = {}

    @cache
    def whole(log_step: int) -> float:
        codec, distortion = writer.lossy(log_step), Distortion(writer.peak)
        streams.clear()
        streams[log_step] = writer.write(codec, distortion.add if target.bpp is None else None)
        rate = 8 * len(streams[log_step]) / writer.source.voxels.size
        return target.scaled(distortion.psnr if target.bpp is None else rate)

    try:
        log_step = first.solve(goal, log_step)
        whole(log_step)
    except AiwaveError:
        whole(log_step)
        if open_stream(streams[log_step]).header.needs_model:
            raise
    if not open_stream(streams[log_step]).header.needs_model:
        return streams[log_step]
    last = Solver(whole, bounds, target, target.tolerance * 0.75, first.slope)
    log_step = last.solve(goal, log_step)
    return streams.get(log_step) or writer.write(writer.lossy(log_step))


class Solver:
    """Solves f(x) = y for a decreasing function of integers within bounds, with as few evaluations as possible.

    The search ends within `enough` of y; `slope` is the derivative of f(x) by ln(step), if it is known.
    """

    def __init__(
        self,
        function: Callable[[int], float],
        bounds: tuple[int, int],
        target: Target,
        enough: float,
        slope: float | None = None,
    ) -> None:
        self.function = function
        self.bounds = bounds
        self.target = target
        self.enough = enough
        self.guess = slope or target.slope
        self.known: dict[int, float] = {}

    def solve(self, y: float, start: int) -> int:
        """The x whose f(x) is nearest to y, or close enough. Raises AiwaveError if y is out of reach."""
        x = start
        for _ in range(EVALUATIONS):
            self.known[x] = self.function(x)
            if abs(self.known[x] - y) <= self.enough or (x := self._next(y)) in self.known:
                break
        nearest = min(self.known, key=lambda x: abs(self.known[x] - y))
        if abs(self.known[nearest] - y) > self.target.tolerance:
            raise self.out_of_reach(self.target.value)
        return nearest

    @property
    def slope(self) -> float:
        """Slope between the last two points evaluated; the guess if there are fewer than two."""
        if len(self.known) < 2:
            return self.guess
        (a, f_a), (b, f_b) = list(self.known.items())[-2:]
        return min((f_a - f_b) / (a - b) * 2**LOG_STEP_FRACTION, self.guess / 4)

    def _next(self, y: float) -> int:
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

    def out_of_reach(self, wanted: float) -> AiwaveError:
        """Error that names the range within reach."""
        values = [y if self.target.bpp is None else math.exp(y) for y in self.known.values()]
        return AiwaveError(
            f"{wanted:g} {self.target.unit} cannot be met with this model and volume: steps from "
            f"{math.exp(min(self.known) / 256):.3g} to {math.exp(max(self.known) / 256):.3g} gave "
            f"{min(values):.3g} to {max(values):.3g} {self.target.unit}."
        )
