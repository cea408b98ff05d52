"""Confidence interval of a mean over few volumes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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
