"""RD tables on disk: CSV with one line per volume, codec and quality."""

import csv
from collections.abc import Iterable
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

from ..errors import AiwaveError
from ..system import replacing
from .rd_row import RdRow

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
