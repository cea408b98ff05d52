"""A comparison of anchors, measured and stored point by point, including the points that failed."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ...datamodules.volume import Volume
from ...datamodules.volume_datamodule import VolumeDataModule
from ...errors import AiwaveError, Interrupted
from ...report.gather import FAILED, SETTINGS
from ...report.slices import Slice, middle, read_slices, save_slice
from ...report.tables import RD_TABLE, RdRow, read_rd_csv, write_rd_csv
from ...writing import replacing
from .anchor import Anchor
from .run_jobs import AnchorJob, run_jobs

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
        if (folder / RD_TABLE).is_file():
            self.rows = {(row.dataset, row.file, row.codec, row.quality): row for row in read_rd_csv(folder / RD_TABLE)}
        if (folder / FAILED).is_file():
            self.failed = dict(_read_failed(folder / FAILED))
        rates = {(*key[:3], row.bpp) for key, row in self.rows.items()}
        kept = {_of(one): one for one in read_slices(folder)}
        self._slices = {key: one for key, one in kept.items() if (*key, one.row.bpp) in rates}

    def adopt(self, name: str, settings: dict[str, Any]) -> None:
        """Record the settings of codec `name`. Raises AiwaveError if it has rows measured with other settings."""
        path = self.folder / SETTINGS
        try:
            known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        except ValueError as error:
            raise AiwaveError(f"{path} is damaged: measure into another folder, out=FOLDER.") from error
        measured = any(codec == name for _, _, codec, _ in self.rows)
        if measured and known.get(name, settings) != settings:
            raise AiwaveError(f"{self.folder} holds rows of {name} with other settings or version: give another out=.")
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(known | {name: settings}, indent=2) + "\n", encoding="utf-8")

    def add(self, job: AnchorJob, outcome: Slice | AiwaveError) -> None:
        """Store the row of a job, or the reason of its failure; success clears an earlier failure."""
        if isinstance(outcome, Slice):
            self.rows[job.key] = outcome.row
            write_rd_csv(self.rows.values(), self.folder / RD_TABLE)
            self._look(job, outcome)
        changed = self.failed.pop(job.key, None) is not None
        if isinstance(outcome, AiwaveError):
            self.failed[job.key] = str(outcome)
        if changed or isinstance(outcome, AiwaveError):
            _write_failed(self.failed, self.folder / FAILED)

    def _look(self, job: AnchorJob, one: Slice) -> None:
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


def compare(
    anchors: Sequence[Anchor],
    data: VolumeDataModule,
    folder: Path,
    qualities: Sequence[float] | None,
    workers: int,
) -> Results:
    """Measure the points missing from `folder`; `data` has been set up, and its `peak` is the PSNR peak.

    Qualities default to each codec's ladder. A codec that fails on a volume does not stop the others.

    Raises:
        AiwaveError: If there is no volume, one cannot be read or has another bit depth, or a file cannot be written.
        Interrupted: On Ctrl-C; measured points are kept.
    """
    results = Results(folder)
    for anchor in anchors:
        found = anchor.availability()
        if found.available:
            results.adopt(anchor.name, {"settings": anchor.settings, "version": found.version})
    volumes = 0
    with tqdm(desc="measuring", unit=" points", total=0) as bar:

        def jobs() -> Iterator[AnchorJob]:
            nonlocal volumes
            for volume in data.test_volumes():
                volumes += 1
                data.check_depth(volume.file, volume.voxels.dtype)
                wanted = list(_jobs(volume, anchors, qualities, data.known_peak))
                results.asked.update(job.key for job in wanted)
                missing = [job for job in wanted if job.key not in results.rows]
                bar.total += len(missing)
                bar.refresh()
                yield from missing

        try:
            for job, outcome in run_jobs(jobs(), workers):
                results.add(job, outcome)
                bar.set_postfix_str(f"{job.anchor.name} {job.file}", refresh=False)
                bar.update()
        except KeyboardInterrupt as error:
            raise Interrupted(f"Interrupted; measured points are in {folder}: the same command continues.") from error
    if not volumes:
        raise AiwaveError(f"{data.name} has no test volumes to measure.")
    return results


def _jobs(
    volume: Volume, anchors: Sequence[Anchor], qualities: Sequence[float] | None, peak: float
) -> Iterator[AnchorJob]:
    for anchor in anchors:
        for quality in qualities or anchor.ladder(volume.voxels.dtype):
            yield AnchorJob(volume.dataset, volume.file, volume.voxels, anchor, float(quality), peak)
