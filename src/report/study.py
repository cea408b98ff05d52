"""Runs with several seeds against those of a control: the effect, with an interval over seeds and volumes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from omegaconf import OmegaConf
from tabulate import tabulate

from ..runs.recorded_run import RecordedRun
from .band_rates import Rates, changes, recorded_rates
from .bd_table import volume_curves
from .codec_names import MeasuredTable
from .metrics.curves import Curve, Estimate, NotComparable, bd_rate, bd_rate_by_range, mean_over_two

RANGES = ("low", "middle", "high")

ESTIMATED = " (estimated)"

Curves = dict[str, Curve]
"""The curve of every volume."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Effect:
    """BD-rate [%] of an experiment against the control with the same seeds, on one data set.

    `ranges` are the means at low, middle and high rates. The effect is shown if the interval does not contain zero.
    """

    dataset: str
    experiment: str
    rate: Estimate
    ranges: tuple[float, ...]
    seeds: int
    volumes: int

    @property
    def is_shown(self) -> bool:
        """True if the interval of the BD-rate lies on one side of zero."""
        return self.rate.interval is not None and (self.rate.interval[0] > 0 or self.rate.interval[1] < 0)


class Trials:
    """Curves by data set and experiment, then by seed.

    An experiment is a run's name without that of its data set; estimated rates are one of their own.
    """

    def __init__(self, sources: Iterable[MeasuredTable]) -> None:
        self._curves: dict[tuple[str, str], dict[int, Curves]] = defaultdict(dict)
        self._experiment_of: dict[str, str] = {}
        self._runs: dict[tuple[str, str], dict[int, RecordedRun]] = defaultdict(dict)
        for source in sources:
            seed = _seed(source.run.config) if source.run else None
            if source.run is None or seed is None:
                continue
            for (dataset, file, codec), curve in volume_curves(source.rows).items():
                experiment = source.run.name.removesuffix(f"_{dataset}") + ESTIMATED * (ESTIMATED in codec)
                self._curves[dataset, experiment].setdefault(seed, {})[file] = curve
                self._experiment_of[codec] = experiment
                self._runs[dataset, experiment.removesuffix(ESTIMATED)][seed] = source.run

    def effects(self, anchor: str) -> list[Effect]:
        """The effects against the experiment that the codec `anchor` belongs to; none without several seeds of it."""
        paired = _paired(self._curves, self._experiment_of.get(anchor, ""))
        found = [_effect(*place, pairs) for place, pairs in paired.items() if len(pairs) > 1]
        return [effect for effect in found if effect]

    def bands(self, anchor: str) -> dict[tuple[str, str], tuple[Rates, Rates]]:
        """By data set and experiment, the changes of bits by kind of band against the control, and its shares."""
        paired = _paired(self._runs, self._experiment_of.get(anchor, "").removesuffix(ESTIMATED))
        return {
            place: changes([(recorded_rates(control), recorded_rates(ours)) for control, ours in pairs])
            for place, pairs in paired.items()
        }


def _paired(
    found: Mapping[tuple[str, str], Mapping[int, Item]], control: str
) -> dict[tuple[str, str], list[tuple[Item, Item]]]:
    """By data set and experiment, what there is of a control and of the experiment with the same seeds."""
    pairs = {}
    for (dataset, experiment), seeds in found.items():
        against = found.get((dataset, control), {})
        if experiment != control:
            pairs[dataset, experiment] = [(against[seed], seeds[seed]) for seed in sorted(seeds.keys() & against)]
    return pairs


def study_markdown(effects: Sequence[Effect]) -> str:
    """The effects in a table; empty for none."""
    if not effects:
        return ""
    lines = [
        [
            effect.dataset,
            effect.experiment,
            _percent(effect.rate.mean),
            "" if effect.rate.interval is None else ", ".join(_percent(edge) for edge in effect.rate.interval),
            *map(_percent, effect.ranges),
            "yes" if effect.is_shown else "no effect shown",
            f"{effect.seeds} x {effect.volumes}",
        ]
        for effect in effects
    ]
    columns = ["data", "experiment", "BD-rate [%]", "95 % interval", *RANGES, "effect", "seeds x volumes"]
    note = (
        "Each run against the control's of the same seed, volume by volume; intervals by bootstrap over seeds and "
        "volumes; low, middle and high are thirds of the common PSNR range."
    )
    return "\n\n".join(["## Study", note, tabulate(lines, columns, tablefmt="pipe", disable_numparse=True)])


def _effect(dataset: str, experiment: str, pairs: Sequence[tuple[Curves, Curves]]) -> Effect | None:
    """The effect on the volumes that all runs have; None if there is none that can be compared."""
    files = sorted(set.intersection(*({*one} & {*other} for one, other in pairs)))
    rates, ranges = [], []
    for file in files:
        try:
            rates.append([bd_rate(control[file], ours[file]).value for control, ours in pairs])
            ranges.append([bd_rate_by_range(control[file], ours[file], len(RANGES)) for control, ours in pairs])
        except NotComparable:
            rates = rates[: len(ranges)]
    if not rates:
        return None
    by_range = tuple(float(value) for value in np.mean(ranges, axis=(0, 1)))
    return Effect(dataset, experiment, mean_over_two(np.array(rates).T), by_range, len(pairs), len(rates))


def _seed(config: str) -> int | None:
    found: Any = OmegaConf.create(config)
    seed = found.get("seed")
    return seed if isinstance(seed, int) else None


def _percent(value: float) -> str:
    return f"{value:+.2f}"
