"""The manifest of a prepared data set: its entries, and the file that stores them."""

import csv
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, FiniteFloat, TypeAdapter, ValidationError

from ..errors import AiwaveError
from ..writing import replacing

SPLITS = ("train", "val", "test")

CACHE = ".cache"  # folder beside the files for cached volumes, which no manifest lists

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


MANIFEST = "manifest.csv"

ODD_NAMES = "surrogateescape"  # names of files need not be text


@dataclass(frozen=True)
class Manifest:
    """The files of a prepared `folder`, as its manifest.csv lists them."""

    folder: Path
    entries: tuple[Entry, ...]

    @property
    def path(self) -> Path:
        """Path of the manifest."""
        return self.folder / MANIFEST

    @property
    def sha256(self) -> str:
        """Hash of the stored manifest: it names the data, whatever folder they are in."""
        return sha256_of(self.path)

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Read the manifest of `folder`. Raises AiwaveError if it is missing or damaged, naming line and column."""
        path = folder / MANIFEST
        try:
            with path.open(newline="", encoding="utf-8", errors=ODD_NAMES) as stream:
                rows = list(csv.reader(stream))
        except FileNotFoundError as error:
            raise AiwaveError(f"{path} does not exist: run aiwave prepare to make it.") from error
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise AiwaveError(f"{path} cannot be read ({error}): run aiwave prepare again.") from error
        return cls(folder, _entries(path, rows))

    def write(self) -> None:
        """Store it, whole or not at all. Raises AiwaveError if it cannot be written."""
        with (
            replacing(self.path) as temporary,
            temporary.open("w", newline="", encoding="utf-8", errors=ODD_NAMES) as stream,
        ):
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(row_of(entry) for entry in self.entries)

    def split(self, name: str) -> list[Entry]:
        """Return the entries of one split, in the manifest's order."""
        return [entry for entry in self.entries if entry.split == name]

    def verify(self, entry: Entry) -> Path:
        """Return the path of a file that is as it was prepared. Raises AiwaveError if it is missing or has changed."""
        path = self.folder / entry.file
        try:
            found = sha256_of(path)
        except FileNotFoundError as error:
            raise AiwaveError(f"{path} is missing: run aiwave prepare for {self.folder} again.") from error
        except OSError as error:
            raise AiwaveError(f"{path} cannot be read: {error.strerror}.") from error
        if found != entry.sha256:
            raise AiwaveError(f"{path} has changed since it was prepared: run aiwave prepare for {self.folder} again.")
        return path

    def check(self, entries: Iterable[Entry] | None = None) -> None:
        """Verify `entries`, or all. Raises AiwaveError at the first file that is missing or has changed."""
        for entry in self.entries if entries is None else entries:
            self.verify(entry)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal. Raises OSError."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _entries(path: Path, rows: Sequence[Sequence[str]]) -> tuple[Entry, ...]:
    again = "run aiwave prepare again"
    if not rows or tuple(rows[0]) != COLUMNS:
        raise AiwaveError(f"{path} does not begin with the columns {','.join(COLUMNS)}: {again}.")
    entries: dict[str, Entry] = {}
    for line, row in enumerate(rows[1:], 2):
        try:
            entry = Entry.parse(row)
        except ValueError as error:
            raise AiwaveError(f"{path} is damaged in line {line} ({error}): {again}.") from error
        if entry.file in entries:
            raise AiwaveError(f"{path} names {entry.file} twice, again in line {line}: {again}.")
        entries[entry.file] = entry
    return tuple(entries.values())
