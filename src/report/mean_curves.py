"""Means over the volumes of a set, and their table for the terminal."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from statistics import fmean

from tabulate import tabulate

from .rd_row import RdRow

HEADER = ("dataset", "codec", "quality", "bpp", "PSNR dB", "encode s", "decode s", "volumes")


@dataclass(frozen=True)
class RdPoint:
    """Means over volumes: rate [bit/voxel], PSNR [dB] (inf if any volume is lossless), times [s].

    `max_error` is the largest over all volumes, None unless known for all.
    """

    quality: float
    bpp: float
    psnr_db: float
    encode_s: float
    decode_s: float
    volumes: int
    max_error: float | None = None


def mean_curves(rows: Iterable[RdRow]) -> dict[tuple[str, str], list[RdPoint]]:
    """Return the mean RD curve of each (dataset, codec), in the order of `rows`; points by increasing rate.

    Each point is the mean over the volumes coded at one quality. If qualities were chosen per volume, so that no
    quality is common to all, points are averaged by rank instead: the lowest quality of every volume, then the
    second lowest, and so on, provided that all volumes have equally many.
    """
    curves: dict[tuple[str, str], list[RdRow]] = defaultdict(list)
    for row in rows:
        curves[row.dataset, row.codec].append(row)
    return {key: sorted(map(_mean, _comparable(curve)), key=attrgetter("bpp")) for key, curve in curves.items()}


def _comparable(curve: list[RdRow]) -> list[list[RdRow]]:
    volumes, qualities = defaultdict(list), defaultdict(list)
    for row in sorted(curve, key=attrgetter("quality")):
        volumes[row.file].append(row)
        qualities[row.quality].append(row)
    common = set.intersection(*({row.quality for row in volume} for volume in volumes.values()))
    if common or len({len(volume) for volume in volumes.values()}) > 1:
        return list(qualities.values())
    return [list(rank) for rank in zip(*volumes.values(), strict=True)]


def format_table(rows: Iterable[RdRow]) -> str:
    """Return a plain-text table of the mean curves: names left-aligned, numbers right-aligned."""
    lines = [
        (dataset, codec, *_cells(point)) for (dataset, codec), points in mean_curves(rows).items() for point in points
    ]
    sides = ("left",) * 2 + ("right",) * (len(HEADER) - 2)
    return tabulate(lines, HEADER, tablefmt="simple", disable_numparse=True, colalign=sides)


def _mean(rows: list[RdRow]) -> RdPoint:
    errors = [row.max_error for row in rows if row.max_error is not None]
    return RdPoint(
        quality=fmean(row.quality for row in rows),
        bpp=fmean(row.bpp for row in rows),
        psnr_db=fmean(row.psnr_db for row in rows),
        encode_s=fmean(row.encode_s for row in rows),
        decode_s=fmean(row.decode_s for row in rows),
        volumes=len({row.file for row in rows}),
        max_error=max(errors) if len(errors) == len(rows) else None,
    )


def _cells(point: RdPoint) -> tuple[str, ...]:
    return (
        f"{point.quality:g}",
        f"{point.bpp:.4f}",
        f"{point.psnr_db:.2f}",
        f"{point.encode_s:.2f}",
        f"{point.decode_s:.2f}",
        str(point.volumes),
    )
