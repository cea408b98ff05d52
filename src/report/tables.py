"""Rate-distortion tables: rows, rd.csv, mean curves and the table for the terminal."""

import csv
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from operator import attrgetter
from pathlib import Path
from statistics import fmean
from typing import Any

from tabulate import tabulate

from ..errors import AiwaveError
from ..writing import replacing

RD_TABLE = "rd.csv"
"""Name of the RD table in the folder of a run, a sweep, an evaluation, anchors or a report."""


@dataclass(frozen=True)
class RdRow:
    """One volume coded once; the fields are the columns of an RD table, in order.

    Args:
        dataset: Name of the set of volumes.
        file: Name of the volume.
        codec: Name of the codec or model.
        quality: Quality setting of the codec, in its own unit (λ, QP, compression ratio, ...).
        bpp: Rate [bit/voxel], finite and non-negative.
        psnr_db: Peak signal-to-noise ratio [dB], inf for lossless.
        encode_s: Seconds to encode.
        decode_s: Seconds to decode.
        max_error: Largest absolute error of a voxel [grey values], None if it was not measured.

    Raises:
        AiwaveError: If a number is invalid (NaN anywhere, a negative or infinite rate, a negative error).
    """

    dataset: str
    file: str
    codec: str
    quality: float
    bpp: float
    psnr_db: float
    encode_s: float
    decode_s: float
    max_error: float | None = None

    def __post_init__(self) -> None:
        numbers = {k: v for k, v in vars(self).items() if isinstance(v, int | float)}
        undefined = [name for name, number in numbers.items() if math.isnan(number)]
        if undefined:
            raise AiwaveError(f"{undefined[0]} of {self.file} with {self.codec} is not a number.")
        if not 0 <= self.bpp < math.inf:
            raise AiwaveError(f"bpp of {self.file} with {self.codec} is {self.bpp}, not a rate.")
        if self.max_error is not None and self.max_error < 0:
            raise AiwaveError(f"max_error of {self.file} with {self.codec} is {self.max_error}, below zero.")


COLUMNS = tuple(field.name for field in fields(RdRow))

NAMES, NUMBERS, OPTIONAL = COLUMNS[:3], COLUMNS[3:-1], COLUMNS[-1]


def write_rd_csv(rows: Iterable[RdRow], path: Path) -> None:
    """Write `rows` to `path` atomically, in `RdRow`'s columns; unknown numbers are empty, others keep all digits.

    Raises:
        AiwaveError: If the file cannot be written.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([_text(value) for value in astuple(row)] for row in rows)


def read_rd_csv(path: Path) -> list[RdRow]:
    """Read the rows of an RD table; `max_error` may be empty or absent, and additional columns are ignored.

    Raises:
        AiwaveError: If the file cannot be read, lacks a column or has a line that is not a valid `RdRow`.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return _read(csv.DictReader(stream, strict=True), path)
    except OSError as error:
        raise AiwaveError(f"Cannot read {path}: {error.strerror or error}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise AiwaveError(f"Cannot read {path}: it is not a table in UTF-8 text.") from error


def _read(reader: csv.DictReader, path: Path) -> list[RdRow]:
    missing = [column for column in NAMES + NUMBERS if column not in (reader.fieldnames or ())]
    if missing:
        raise AiwaveError(f"{path} is not an RD table: it lacks the columns {', '.join(missing)}.")
    rows = []
    try:
        for record in reader:
            rows.append(_row(record))
    except (AiwaveError, ValueError, csv.Error) as error:
        raise AiwaveError(f"{path}, line {reader.line_num}: {str(error).rstrip('.')}.") from error
    return rows


def _row(record: dict[str, Any]) -> RdRow:
    if None in record or None in record.values():
        raise ValueError("the number of fields differs from the header's")
    last = record.get(OPTIONAL)
    values: dict[str, Any] = {column: record[column] for column in NAMES}
    values |= {column: float(record[column]) for column in NUMBERS}
    values[OPTIONAL] = float(last) if last else None
    return RdRow(**values)


def _text(value: str | float | None) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    number = float(value)
    return str(int(number)) if number.is_integer() else repr(number)


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
