"""PSNR peaks, so that curves with different peaks are never compared."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median

from .rd_row import RdRow

EIGHT, SIXTEEN = 255.0, 65535.0

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
