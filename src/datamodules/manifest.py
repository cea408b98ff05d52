"""The list of a prepared folder's files, with what training has to know of each."""

import csv
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import AiwaveError
from ..system import replacing
from .entry import COLUMNS, Entry, row_of

__all__ = ["NAME", "Entry", "Manifest", "sha256_of"]

NAME = "manifest.csv"
ODD_NAMES = "surrogateescape"  # names of files need not be text


@dataclass(frozen=True)
class Manifest:
    """The files of a prepared `folder`, as its manifest.csv lists them."""

    folder: Path
    entries: tuple[Entry, ...]

    @property
    def path(self) -> Path:
        """Where the manifest is stored."""
        return self.folder / NAME

    @property
    def sha256(self) -> str:
        """Hash of the stored manifest: it names the data, whatever folder they are in."""
        return sha256_of(self.path)

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Read the manifest of `folder`. Raises AiwaveError if it is missing or damaged, naming line and column."""
        path = folder / NAME
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
