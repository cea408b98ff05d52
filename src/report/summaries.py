"""Summaries of lossless rates and speeds, and the tables in Markdown."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from tabulate import tabulate

from .bd_table import BdEntry
from .metrics.curves import Estimate
from .tables import RdRow


@dataclass(frozen=True)
class Lossless:
    """Mean lossless rate [bit/voxel] of a codec over `volumes` volumes, each at its lowest lossless rate."""

    dataset: str
    codec: str
    bpp: float
    volumes: int


@dataclass(frozen=True)
class Speed:
    """Mean seconds per volume over all qualities."""

    dataset: str
    codec: str
    encode_s: float
    decode_s: float
    volumes: int


def lossless(rows: Iterable[RdRow]) -> list[Lossless]:
    """Rates of lossless coding, for each (dataset, codec) that has a lossless row, in the order of `rows`."""
    cheapest: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for row in rows:
        if row.psnr_db == float("inf"):
            found = cheapest[row.dataset, row.codec]
            found[row.file] = min(row.bpp, found.get(row.file, row.bpp))
    return [Lossless(*key, fmean(found.values()), len(found)) for key, found in cheapest.items()]


def speeds(rows: Iterable[RdRow]) -> list[Speed]:
    """Coding times of each (dataset, codec), in the order of `rows`."""
    groups: dict[tuple[str, str], list[RdRow]] = defaultdict(list)
    for row in rows:
        groups[row.dataset, row.codec].append(row)
    return [
        Speed(
            *key,
            fmean(row.encode_s for row in group),
            fmean(row.decode_s for row in group),
            len({row.file for row in group}),
        )
        for key, group in groups.items()
    ]


def bd_markdown(entries: Sequence[BdEntry], anchor: str) -> str:
    """BD-rate and BD-PSNR of every codec on every data set, intervals in brackets; then reasons for missing values.

    Without another codec that has lossy points on the anchor's data sets, a sentence that says so.
    """
    if not entries:
        return f"## Against {anchor}\n\nThere is nothing to compare: no other codec has lossy points on the same data."
    cells = {(entry.codec, entry.dataset): _bd_cell(entry) for entry in entries}
    reasons = [f"- {entry.codec} on {entry.dataset}: {entry.reason}." for entry in entries if entry.reason]
    note = (
        f"BD-rate [%] / BD-PSNR [dB] against {anchor}: Akima interpolation, per volume, then the mean; in brackets the "
        "95 % bootstrap interval of BD-rate over volumes; @ the overlap of the curves' PSNR ranges."
    )
    return "\n\n".join(filter(None, [f"## Against {anchor}", note, _grid(cells), "\n".join(reasons)]))


def lossless_markdown(entries: Sequence[Lossless]) -> str:
    """Bits per voxel of lossless coding, the best of each data set in bold."""
    best = {d: min(e.bpp for e in entries if e.dataset == d) for d in {entry.dataset for entry in entries}}
    cells = {(e.codec, e.dataset): f"**{e.bpp:.3f}**" if e.bpp == best[e.dataset] else f"{e.bpp:.3f}" for e in entries}
    return "\n\n".join(filter(None, ["## Lossless", "Mean bits per voxel over the volumes of a set.", _grid(cells)]))


def speed_markdown(entries: Sequence[Speed]) -> str:
    """Table of coding times in seconds per volume."""
    cells = {(e.codec, e.dataset): f"{e.encode_s:.3g} / {e.decode_s:.3g}" for e in entries}
    return "\n\n".join(["## Speed", "Seconds per volume to encode / decode, mean over qualities.", _grid(cells)])


def _grid(cells: dict[tuple[str, str], str]) -> str:
    """A table of codecs by data sets; empty for none."""
    if not cells:
        return ""
    datasets = list(dict.fromkeys(dataset for _, dataset in cells))
    lines = [["codec", *datasets]]
    for codec in dict.fromkeys(codec for codec, _ in cells):
        lines.append([codec, *(cells.get((codec, dataset), "") for dataset in datasets)])
    columns, *rows = [[text.replace("|", r"\|") for text in line] for line in lines]
    sides = ["left"] + ["right"] * len(datasets)
    return tabulate(rows, columns, tablefmt="pipe", disable_numparse=True, colalign=sides)


def _bd_cell(entry: BdEntry) -> str:
    if entry.rate is None and entry.psnr is None:
        return "–"
    rate, psnr = _number(entry.rate, ".1f"), _number(entry.psnr, ".2f")
    low_high = entry.rate.interval if entry.rate else None
    interval = f" [{low_high[0]:+.1f}, {low_high[1]:+.1f}]" if low_high else ""
    overlap = f" @{entry.overlap:.0%}" if entry.rate else ""
    return f"{rate}{interval} / {psnr}{overlap}"


def _number(estimate: Estimate | None, form: str) -> str:
    return f"{estimate.mean:+{form}}" if estimate else "–"
