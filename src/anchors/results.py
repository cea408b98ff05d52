"""Results of a comparison, stored point by point, with the points that could not be measured."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import AiwaveError
from ..report.rd_row import RdRow
from ..report.rd_table import read_rd_csv, write_rd_csv
from ..report.slices import Slice, middle, read_slices, save_slice
from ..system import replacing
from .measure import Job

TABLE, FAILED, SETTINGS = "rd.csv", "failed.csv", "anchors.json"
COLUMNS = ("dataset", "file", "codec", "quality", "reason")

Key = tuple[str, str, str, float]


class Results:
    """The files of `folder`: rd.csv, failed.csv, and anchors.json with the settings of each codec.

    They are rewritten after every point, so that an interrupted comparison continues where it stopped. slices/ shows
    each volume and codec at the rate at which slices are compared. `asked` holds the points requested by this command:
    the files may hold more, from earlier commands.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: dict[Key, RdRow] = {}
        self.failed: dict[Key, str] = {}
        self.asked: set[Key] = set()
        if (folder / TABLE).is_file():
            self.rows = {(row.dataset, row.file, row.codec, row.quality): row for row in read_rd_csv(folder / TABLE)}
        if (folder / FAILED).is_file():
            self.failed = dict(_read_failed(folder / FAILED))
        rates = {(*key[:3], row.bpp) for key, row in self.rows.items()}
        kept = {_of(one): one for one in read_slices(folder)}
        self._slices = {key: one for key, one in kept.items() if (*key, one.row.bpp) in rates}

    def adopt(self, name: str, settings: dict[str, Any]) -> None:
        """Record the settings of codec `name`. Raises AiwaveError if it has rows measured with other settings."""
        path = self.folder / SETTINGS
        known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        measured = any(codec == name for _, _, codec, _ in self.rows)
        if measured and known.get(name, settings) != settings:
            raise AiwaveError(f"{self.folder} holds rows of {name} with other settings or version: give another out=.")
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(known | {name: settings}, indent=2) + "\n", encoding="utf-8")

    def add(self, job: Job, outcome: Slice | AiwaveError) -> None:
        """Store the row of a job, or the reason of its failure; success clears an earlier failure."""
        if isinstance(outcome, Slice):
            self.rows[job.key] = outcome.row
            write_rd_csv(self.rows.values(), self.folder / TABLE)
            self._look(job, outcome)
        changed = self.failed.pop(job.key, None) is not None
        if isinstance(outcome, AiwaveError):
            self.failed[job.key] = str(outcome)
        if changed or isinstance(outcome, AiwaveError):
            _write_failed(self.failed, self.folder / FAILED)

    def _look(self, job: Job, one: Slice) -> None:
        """Keep, for every volume and codec, the slice whose rate is nearest to the one for comparison."""
        kept = self._slices.get(job.key[:3])
        if kept is None or middle([kept, one]) is one:
            self._slices[job.key[:3]] = one
            save_slice(one, self.folder)


def _of(one: Slice) -> tuple[str, str, str]:
    return one.row.dataset, one.row.file, one.row.codec


def _read_failed(path: Path) -> Iterable[tuple[Key, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        for record in csv.DictReader(stream):
            try:
                key = record["dataset"], record["file"], record["codec"], float(record["quality"])
                yield key, record["reason"]
            except (KeyError, TypeError, ValueError) as error:
                raise AiwaveError(f"{path} is damaged: delete it.") from error


def _write_failed(failed: dict[Key, str], path: Path) -> None:
    if not failed:
        path.unlink(missing_ok=True)
        return
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([*key[:3], f"{key[3]:g}", reason] for key, reason in failed.items())
