"""One row of a manifest: a prepared file, and how to put back what was taken from it."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from pathlib import PurePosixPath
from typing import Any

SPLITS = ("train", "val", "test")

COLUMNS = (
    *("file", "sha256", "subject", "split", "shape", "dtype", "min", "max", "distinct"),
    *("spacing", "origin", "direction", "offset", "slope", "intercept", "box", "source"),
)


@dataclass(frozen=True)
class Entry:
    """A prepared file.

    `file` is relative to the manifest's folder, with slashes. `shape` is (D, H, W); `dtype` is uint8 or uint16;
    `minimum`, `maximum` and the number of `distinct` values are those of the stored voxels. Geometry is as in ITK:
    `spacing` (z, y, x) in mm, `origin` (x, y, z) in mm of the first voxel, the 9 numbers of `direction` row by row.
    The original voxels are stored + `offset`; in physical units they are `slope` * original + `intercept`. `box` says
    where it lies in the subject's volume: "z0:z1,y0:y1,x0:x1", for a frame with "t;" before it.
    """

    file: str
    sha256: str
    subject: str
    split: str
    shape: tuple[int, int, int]
    dtype: str
    minimum: int
    maximum: int
    distinct: int
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]
    direction: tuple[float, ...]
    offset: int
    slope: float
    intercept: float
    box: str
    source: str

    @classmethod
    def parse(cls, row: Sequence[str]) -> "Entry":
        """Read a row of the file. Raises ValueError, naming the column."""
        if len(row) != len(COLUMNS):
            raise ValueError(f"{len(row)} columns instead of {len(COLUMNS)}")
        values: list[Any] = []
        for column, text in zip(COLUMNS, row, strict=True):
            try:
                values.append(_PARSERS.get(column, str)(text))
            except ValueError as error:
                raise ValueError(f"{column} is {text!r}") from error
        return cls(*values)


def row_of(entry: Entry) -> list[str]:
    """The entry as text, column by column."""
    return ["x".join(map(str, value)) if isinstance(value, tuple) else str(value) for value in astuple(entry)]


def _path(text: str) -> str:
    path = PurePosixPath(text)
    if not text or path.is_absolute() or ".." in path.parts:
        raise ValueError
    return text


def _matching(pattern: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError
        return text

    return parse


def _number(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError
    return value


def _several(kind: Callable[[str], float], count: int) -> Callable[[str], tuple[float, ...]]:
    def parse(text: str) -> tuple[float, ...]:
        values = tuple(kind(part) for part in text.split("x"))
        if len(values) != count:
            raise ValueError
        return values

    return parse


_PARSERS: dict[str, Callable[[str], Any]] = {
    "file": _path,
    "sha256": _matching("[0-9a-f]{64}"),
    "subject": _matching(".+"),
    "split": _matching("|".join(SPLITS)),
    "shape": _several(int, 3),
    "dtype": _matching("uint8|uint16"),
    "min": int,
    "max": int,
    "distinct": int,
    "spacing": _several(_number, 3),
    "origin": _several(_number, 3),
    "direction": _several(_number, 9),
    "offset": int,
    "slope": _number,
    "intercept": _number,
    "box": _matching(r"(\d+;)?\d+:\d+,\d+:\d+,\d+:\d+"),
}
