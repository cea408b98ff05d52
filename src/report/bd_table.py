"""Bjontegaard deltas of all codecs against an anchor, and the PSNR peaks that make curves comparable."""

import csv
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

import numpy as np

from ..images.image import peak_of
from ..writing import replacing
from .metrics.curves import Curve, Estimate, NotComparable, bd_psnr, bd_rate, mean_with_interval
from .tables import RdRow

EIGHT, SIXTEEN = (peak_of(np.dtype(name)) for name in ("uint8", "uint16"))

Peaks = dict[tuple[str, str], set[float]]


def known_peaks(rows: Sequence[RdRow], stated: Mapping[RdRow, float]) -> Peaks:
    """The known peaks of each (dataset, codec); more than one if different peaks were mixed.

    Args:
        rows: The measured points.
        stated: Peaks recorded by runs, by row. Those of other rows are inferred from their largest error e: with
            the peak P, PSNR = 20 log10(P / rmse) and rmse <= e, so e 10^(PSNR/20) >= P. For 16 bits that is always at
            least 65535; for 8 bits only if e > 257 rmse, an outlier that the median over a curve ignores.
    """
    peaks: Peaks = defaultdict(set)
    bounds: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in rows:
        if row in stated:
            peaks[row.dataset, row.codec].add(stated[row])
        elif row.max_error and math.isfinite(row.psnr_db):
            bounds[row.dataset, row.codec].append(row.max_error * 10 ** (row.psnr_db / 20))
    for key, found in bounds.items():
        peaks[key].add(SIXTEEN if median(found) >= SIXTEEN * 0.999 else EIGHT)
    return {key: peaks[key] for key in dict.fromkeys((row.dataset, row.codec) for row in rows) if key in peaks}


def common_peak(peaks: Peaks, dataset: str) -> float | None:
    """The common peak of a data set's curves; None if none is known or they differ."""
    found = set().union(*(values for (name, _), values in peaks.items() if name == dataset))
    return found.pop() if len(found) == 1 else None


def mixed_peaks(peaks: Peaks) -> list[str]:
    """One sentence for every data set whose curves have different peaks."""
    notes = []
    for dataset in dict.fromkeys(name for name, _ in peaks):
        of_set = {codec: values for (name, codec), values in peaks.items() if name == dataset}
        found = sorted(set().union(*of_set.values()))
        if len(found) > 1:
            parts = [f"{peak:g} for {', '.join(c for c, v in of_set.items() if peak in v)}" for peak in found]
            notes.append(
                f"{dataset}: the PSNR has the peak {' and '.join(parts)}; such curves cannot be compared, so there are "
                "no BD figures between them."
            )
    return notes


HEADER = (
    "dataset,codec,anchor,bd_rate_percent,bd_rate_low,bd_rate_high,bd_psnr_db,bd_psnr_low,bd_psnr_high,"
    "volumes,overlap,reason"
)


@dataclass(frozen=True)
class BdEntry:
    """One codec against one anchor on one data set.

    Args:
        rate: Mean BD-rate [%] over the volumes that have one; negative means less rate. None if no volume has one.
        psnr: Mean BD-PSNR [dB], likewise.
        overlap: Mean fraction (0 to 1) of the PSNR range of both curves together over which BD-rate was computed.
        reason: Reason for values missing for all or some volumes; empty if none is missing.
    """

    dataset: str
    codec: str
    anchor: str
    rate: Estimate | None
    psnr: Estimate | None
    overlap: float
    reason: str


def bd_entries(rows: Iterable[RdRow], anchor: str, peaks: Peaks | None = None) -> list[BdEntry]:
    """Compare every codec with `anchor` on the volumes that both coded, in the order of `rows`.

    Volumes are matched by data set and file. Curves with different known `peaks` are not compared, and codecs without
    a lossy point on a data set are left out.
    """
    curves = volume_curves(rows)
    entries = []
    for dataset, codec in dict.fromkeys((dataset, codec) for (dataset, _, codec), curve in curves.items() if curve.bpp):
        pairs = [
            (curves[d, file, anchor], curve)
            for (d, file, c), curve in curves.items()
            if (d, c) == (dataset, codec) and (d, file, anchor) in curves
        ]
        if codec != anchor and any(key[0] == dataset and key[2] == anchor for key in curves):
            both = [(peaks or {}).get((dataset, name), set()) for name in (anchor, codec)]
            mixed = all(both) and len(both[0] | both[1]) > 1
            entries.append(_mixed(dataset, codec, anchor) if mixed else _entry(dataset, codec, anchor, pairs))
    return entries


def volume_curves(rows: Iterable[RdRow]) -> dict[tuple[str, str, str], Curve]:
    """The curve of every (dataset, file, codec), through its lossy points."""
    points: dict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        points[row.dataset, row.file, row.codec].append((row.bpp, row.psnr_db))
    return {key: Curve.of(found) for key, found in points.items()}


def write_bd_csv(entries: Sequence[BdEntry], path: Path) -> None:
    """Write the comparisons to `path` atomically; missing values stay empty.

    Raises:
        AiwaveError: If the file cannot be written.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADER.split(","))
        for entry in entries:
            known = entry.rate or entry.psnr
            figures = [*_cells(entry.rate), *_cells(entry.psnr), known.count if known else 0]
            overlap = f"{entry.overlap:.3f}" if entry.rate else ""
            writer.writerow([entry.dataset, entry.codec, entry.anchor, *figures, overlap, entry.reason])


def bd_numbers(entries: Iterable[BdEntry]) -> dict[str, float]:
    """The mean deltas by name, `bd/<dataset>/<codec>/vs_<anchor>/<rate_percent or psnr_db>`, for trackers."""
    numbers = {}
    for entry in entries:
        name = f"bd/{entry.dataset}/{entry.codec}/vs_{entry.anchor}"
        if entry.rate:
            numbers[f"{name}/rate_percent"] = entry.rate.mean
        if entry.psnr:
            numbers[f"{name}/psnr_db"] = entry.psnr.mean
    return numbers


def _mixed(dataset: str, codec: str, anchor: str) -> BdEntry:
    return BdEntry(dataset, codec, anchor, None, None, 0.0, "the PSNRs have different peaks")


def _entry(dataset: str, codec: str, anchor: str, pairs: Sequence[tuple[Curve, Curve]]) -> BdEntry:
    rates, psnrs, overlaps = [], [], []
    reasons: dict[str, int] = defaultdict(int)
    for pair in pairs:
        try:
            delta = bd_rate(*pair)
            rates.append(delta.value)
            overlaps.append(delta.overlap)
        except NotComparable as error:
            reasons[str(error)] += 1
        try:
            psnrs.append(bd_psnr(*pair).value)
        except NotComparable as error:
            reasons[str(error)] += 0 if str(error) in reasons else 1
    return BdEntry(
        dataset,
        codec,
        anchor,
        mean_with_interval(rates) if rates else None,
        mean_with_interval(psnrs) if psnrs else None,
        fmean(overlaps) if overlaps else 0.0,
        _reason(reasons, len(pairs)),
    )


def _reason(reasons: dict[str, int], volumes: int) -> str:
    if not volumes:
        return "no volume was coded by both"
    if not reasons:
        return ""
    first, *others = reasons
    some = sum(reasons.values())
    more = f", and {len(others)} more reasons" if others else ""
    return first if some >= volumes and not others else f"{first} ({min(some, volumes)} of {volumes} volumes{more})"


def _cells(estimate: Estimate | None) -> list[str]:
    if estimate is None:
        return ["", "", ""]
    return [f"{value:.4f}" for value in (estimate.mean, *(estimate.interval or ()))] + [""] * (
        0 if estimate.interval else 2
    )
