"""Figures of whole curves: Bjontegaard deltas, and means with intervals."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ...errors import AiwaveError

RESAMPLES = 2000

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """The mean of `count` values and its confidence interval, None for a single value."""

    mean: float
    interval: tuple[float, float] | None
    count: int


def mean_with_interval(values: Sequence[float], seed: int = 0) -> Estimate:
    """Return the mean of at least one value and its 95 % percentile-bootstrap interval (scipy's, seeded).

    With two or three values the interval is just their range.
    """
    from scipy.stats import bootstrap

    mean = float(np.mean(values))
    if len(values) < 2:
        return Estimate(mean, None, len(values))
    found = bootstrap(
        (np.asarray(values),),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=LEVEL,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Estimate(mean, (float(found.low), float(found.high)), len(values))


APART = 1e-6  # points closer than this, in rate or in PSNR, are one

FEWEST = 2  # points; two are joined by a straight line


class NotComparable(AiwaveError):
    """Two curves have no Bjøntegaard delta; the message gives the reason."""


@dataclass(frozen=True)
class Delta:
    """A mean difference, and the fraction (0 to 1) of the range of both curves together over which it was computed."""

    value: float
    overlap: float


@dataclass(frozen=True)
class Curve:
    """Rates [bit/voxel] and PSNRs [dB] of one volume, both strictly increasing."""

    bpp: tuple[float, ...]
    psnr_db: tuple[float, ...]

    @classmethod
    def of(cls, points: Iterable[tuple[float, float]]) -> "Curve":
        """The curve through (bpp, PSNR) points.

        Lossless points (PSNR inf), points of rate 0, and points that cost more than another without being better are
        left out.
        """
        kept: list[tuple[float, float]] = []
        for bpp, psnr_db in sorted(points):
            if bpp <= 0 or not math.isfinite(psnr_db):
                continue
            if not kept or (bpp > kept[-1][0] + APART and psnr_db > kept[-1][1] + APART):
                kept.append((bpp, psnr_db))
        return cls(tuple(bpp for bpp, _ in kept), tuple(psnr_db for _, psnr_db in kept))


def bd_rate(anchor: Curve, test: Curve) -> Delta:
    """Mean difference in rate [%] at equal PSNR, of `test` against `anchor`; negative if `test` needs less.

    Raises:
        NotComparable: If a curve has fewer than two points, or no PSNR is common to both.
    """
    _check(anchor, test)
    overlap = _overlap(anchor.psnr_db, test.psnr_db)
    if overlap == 0:
        raise NotComparable(f"no PSNR is common to both: {_span(anchor.psnr_db)} and {_span(test.psnr_db)} dB")
    return Delta(_package("bd_rate", anchor, test), overlap)


def bd_psnr(anchor: Curve, test: Curve) -> Delta:
    """Mean difference in PSNR [dB] at equal rate, of `test` against `anchor`; positive if `test` is better.

    The overlap is that of the logarithms of the rates.

    Raises:
        NotComparable: If a curve has fewer than two points, or no rate is common to both.
    """
    _check(anchor, test)
    overlap = _overlap([math.log(bpp) for bpp in anchor.bpp], [math.log(bpp) for bpp in test.bpp])
    if overlap == 0:
        raise NotComparable(f"no rate is common to both: {_span(anchor.bpp)} and {_span(test.bpp)} bit/voxel")
    return Delta(_package("bd_psnr", anchor, test), overlap)


def _check(anchor: Curve, test: Curve) -> None:
    for curve, name in ((anchor, "the anchor"), (test, "the codec")):
        if len(curve.bpp) < FEWEST:
            points = "no lossy point" if not curve.bpp else "a single lossy point"
            raise NotComparable(f"{name} has {points}")


def _overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Overlap of two increasing sequences as a fraction of the range that they span together."""
    common = min(a[-1], b[-1]) - max(a[0], b[0])
    return max(0.0, common / (max(a[-1], b[-1]) - min(a[0], b[0])))


def _span(values: Sequence[float]) -> str:
    return f"{values[0]:.4g} to {values[-1]:.4g}"


def _package(name: str, anchor: Curve, test: Curve) -> float:
    import bjontegaard

    delta = getattr(bjontegaard, name)
    points = (anchor.bpp, anchor.psnr_db, test.bpp, test.psnr_db)
    return float(delta(*points, method="akima", require_matching_points=False, min_overlap=0))


def bd_rate_by_range(anchor: Curve, test: Curve, ranges: int) -> list[float]:
    """BD-rate [%] in each of `ranges` equal parts of the common PSNR range, from low rates to high ones.

    As `bd_rate`, whose logarithm is the mean of theirs. Raises NotComparable as that does.
    """
    from scipy.interpolate import Akima1DInterpolator

    bd_rate(anchor, test)
    low, high = max(anchor.psnr_db[0], test.psnr_db[0]), min(anchor.psnr_db[-1], test.psnr_db[-1])
    edges = np.linspace(low, high, ranges + 1)
    logs = [Akima1DInterpolator(curve.psnr_db, np.log(curve.bpp)) for curve in (test, anchor)]
    areas = [[float(log.integrate(a, b)) / (b - a) for a, b in pairwise(edges)] for log in logs]
    return [100 * math.expm1(ours - theirs) for ours, theirs in zip(*areas, strict=True)]


def mean_over_two(values: np.ndarray, seed: int = 0) -> Estimate:
    """Mean of (seeds, volumes) and its 95 % percentile-bootstrap interval, seeds and volumes drawn independently.

    None for the interval if there is one value.
    """
    if values.size < 2:
        return Estimate(float(values.mean()), None, values.size)
    rng = np.random.default_rng(seed)
    rows, columns = (rng.integers(0, count, (RESAMPLES, count)) for count in values.shape)
    means = [values[np.ix_(row, column)].mean() for row, column in zip(rows, columns, strict=True)]
    edges = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(values.mean()), (float(edges[0]), float(edges[1])), values.size)
