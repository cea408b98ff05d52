"""Bits by kind of band, as runs recorded them in validation, next to those of a control."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf
from tabulate import tabulate

from ..runs.recorded_run import RecordedRun
from ..runs.run_folder import METRICS, STAGES

COLUMN, LOSS = "band_bpp/", "val/loss"

HIGH = "H"

AXES = ("one axis", "two axes", "three axes")
"""Kinds of bands by the number of axes along which they are high-pass."""

Rates = dict[str, float]
"""Bits per voxel by band, such as HLL1, or by kind of band."""


def recorded_rates(run: RecordedRun) -> Rates:
    """Rates of a run's bands at its best epoch, means over steps; empty if there is no record of its last stage."""
    config: Any = OmegaConf.create(run.config)
    stage = config.get("stage") or {}
    order = (config.get("schedule") or {}).get("order") or [""]
    return _best_row(run.folder / STAGES / str(stage.get("name") or order[-1]) / METRICS)


def _best_row(path: Path) -> Rates:
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            rows = [{key: _number(value) for key, value in row.items()} for row in csv.DictReader(lines)]
    except (OSError, ValueError, csv.Error):
        return {}
    best = min((row for row in rows if math.isfinite(row.get(LOSS, math.nan))), key=lambda row: row[LOSS], default={})
    return {key.removeprefix(COLUMN): value for key, value in best.items() if key.startswith(COLUMN)}


def _number(text: str | None) -> float:
    return float(text) if text else math.nan


def by_kind(rates: Rates) -> Rates:
    """The sums by level, coarsest first, and by the number of high-pass axes; the low band is a kind of its own."""
    low = {band: rate for band, rate in rates.items() if HIGH not in band}
    details = {band: rate for band, rate in rates.items() if HIGH in band}
    found = dict.fromkeys(low, 0.0) | low
    for level in sorted({int(band[3:]) for band in details}, reverse=True):
        found[f"level {level}"] = sum(rate for band, rate in details.items() if int(band[3:]) == level)
    for count, name in enumerate(AXES, start=1):
        found[name] = sum(rate for band, rate in details.items() if band.count(HIGH) == count)
    return found


def changes(pairs: Sequence[tuple[Rates, Rates]]) -> tuple[Rates, Rates]:
    """The change [%] of a run's bits against its control's by kind, and the control's shares [%]: means of the pairs.

    Both are empty if the runs do not have the same bands.
    """
    if not pairs or any(not control or control.keys() != ours.keys() for control, ours in pairs):
        return {}, {}
    kinds = [(by_kind(control), by_kind(ours), sum(control.values())) for control, ours in pairs]
    shares = {kind: float(np.mean([100 * one[kind] / total for one, _, total in kinds])) for kind in kinds[0][0]}
    change = {
        kind: float(np.mean([100 * (other[kind] / one[kind] - 1) for one, other, _ in kinds]))
        for kind in kinds[0][0]
        if all(one[kind] > 0 for one, *_ in kinds)
    }
    return change, shares


def bands_markdown(found: Mapping[tuple[str, str], tuple[Rates, Rates]]) -> str:
    """The changes by data set and experiment in a table, above it the control's shares; empty for none."""
    lines: list[list[str]] = []
    kinds = list(dict.fromkeys(kind for change, _ in found.values() for kind in change))
    told = set[str]()
    for (dataset, experiment), (change, shares) in found.items():
        if change and dataset not in told:
            lines.append(
                [
                    dataset,
                    "share of the control's bits",
                    *(f"{shares[kind]:.1f}" if kind in shares else "" for kind in kinds),
                ]
            )
            told.add(dataset)
        if change:
            lines.append([dataset, experiment, *(f"{change[kind]:+.2f}" if kind in change else "" for kind in kinds)])
    if not lines:
        return ""
    note = "Change of the bits of validation crops at the same steps [%], by level and by the number of high-pass axes."
    columns = ["data", "experiment", *kinds]
    return "\n\n".join(["## Bits by band", note, tabulate(lines, columns, tablefmt="pipe", disable_numparse=True)])
