"""Bit rates of lossless coding and coding times: means over the volumes of a set."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

from .rd_row import RdRow


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
