"""One row of a manifest: a prepared file, and how to put back what was taken from it."""

import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, FiniteFloat, TypeAdapter, ValidationError

SPLITS = ("train", "val", "test")

COLUMNS = (
    *("file", "sha256", "subject", "split", "shape", "dtype", "min", "max", "distinct"),
    *("spacing", "origin", "direction", "offset", "slope", "intercept", "box", "source"),
)


def _inside(text: str) -> str:
    path = PurePosixPath(text)
    if not text or path.is_absolute() or ".." in path.parts:
        raise ValueError("not a path inside the folder")
    return text


def _one_line(text: str) -> str:
    if not re.fullmatch(".+", text):
        raise ValueError("not one line")
    return text


Several = BeforeValidator(lambda text: text.split("x"))
Three = Annotated[tuple[FiniteFloat, FiniteFloat, FiniteFloat], Several]


@dataclass(frozen=True)
class Entry:
    """A prepared file.

    `file` is relative to the manifest's folder, with slashes. `shape` is (D, H, W); `dtype` is uint8 or uint16;
    `minimum`, `maximum` and the number of `distinct` values are those of the stored voxels. Geometry is as in ITK:
    `spacing` (z, y, x) in mm, `origin` (x, y, z) in mm of the first voxel, the 9 numbers of `direction` row by row.
    The original voxels are stored + `offset`; in physical units they are `slope` * original + `intercept`. `box` says
    where it lies in the subject's volume: "z0:z1,y0:y1,x0:x1", for a frame with "t;" before it.
    """

    file: Annotated[str, AfterValidator(_inside)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    subject: Annotated[str, AfterValidator(_one_line)]
    split: Annotated[str, Field(pattern=f"^({'|'.join(SPLITS)})$")]
    shape: Annotated[tuple[int, int, int], Several]
    dtype: Annotated[str, Field(pattern="^uint(8|16)$")]
    minimum: int
    maximum: int
    distinct: int
    spacing: Three
    origin: Three
    direction: Annotated[tuple[FiniteFloat, ...], Several, Field(min_length=9, max_length=9)]
    offset: int
    slope: FiniteFloat
    intercept: FiniteFloat
    box: Annotated[str, Field(pattern=r"^(\d+;)?\d+:\d+,\d+:\d+,\d+:\d+$")]
    source: str

    @classmethod
    def parse(cls, row: Sequence[str]) -> "Entry":
        """Read a row of the file. Raises ValueError, naming the column."""
        if len(row) != len(COLUMNS):
            raise ValueError(f"{len(row)} columns instead of {len(COLUMNS)}")
        names = [field.name for field in fields(cls)]
        try:
            return _STORED.validate_python(dict(zip(names, row, strict=True)))
        except ValidationError as error:
            wrong = names.index(str(error.errors()[0]["loc"][0]))
            raise ValueError(f"{COLUMNS[wrong]} is {row[wrong]!r}") from error


_STORED: TypeAdapter[Entry] = TypeAdapter(Entry)


def row_of(entry: Entry) -> list[str]:
    """The entry as text, column by column."""
    return ["x".join(map(str, value)) if isinstance(value, tuple) else str(value) for value in astuple(entry)]
