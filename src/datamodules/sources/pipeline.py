"""The pipeline from a source to a prepared folder: fetch, convert, crop, split and list."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import AiwaveError, Interrupted
from ...system import check_free_space
from ..manifest import SPLITS
from .prepared_folder import PreparedFolder, Record
from .source import Raw, Source
from .splits import Plan, Split
from .subject import Conversion, file_stem, prepare_subject


@dataclass(frozen=True)
class Pipeline:
    """The work of `aiwave prepare`.

    Raw images come from `source`, or from `given`, the user's own files; downloads are kept in `downloads`. `options`
    are recorded in the prepared `folder`, which refuses others later.
    """

    source: Source
    given: Path | None
    split: Split
    how: Conversion
    folder: Path
    downloads: Path
    options: dict[str, Any]

    def run(self) -> tuple[PreparedFolder, int]:
        """Prepare the unprepared subjects; return the folder and the number of subjects there were to do.

        Finished subjects are kept, whatever happens to the others.

        Raises:
            AiwaveError: If images cannot be fetched, read, stored exactly or written; says what is already done.
            Interrupted: On Ctrl-C.
        """
        prepared = self.open()
        todo = prepared.todo()
        if prepared.record and not todo and not self.given:
            return prepared, 0
        raws = self._fetch()
        if prepared.record is None:
            plan = self.plan(raws)
            _check_names(plan)
        else:
            prepared.record.check_subjects(raws, self.folder)
            plan = prepared.record.plan
        todo = [raw.subject for raw in raws if raw.subject in todo or prepared.record is None]
        if todo:
            chosen = [raw for raw in raws if raw.subject in todo]
            _make(self.folder)
            check_free_space(self.folder, sum(_bytes(raw.path) for raw in chosen), f"prepare {len(todo)} images")
            if prepared.record is None:
                prepared.record = Record(self.options, plan)
                prepared.record.write(self.folder)
            self._prepare(prepared, chosen)
        _check_splits(prepared)
        return prepared, len(todo)

    def open(self) -> PreparedFolder:
        """The folder in its current state. Raises AiwaveError if it was prepared with other options."""
        if self.given and self.given.resolve() == self.folder.resolve():
            raise AiwaveError(f"{self.folder} is where the images are: choose another root to prepare them into.")
        prepared = PreparedFolder.open(self.folder)
        if prepared.record:
            prepared.record.check_options(self.options, self.folder)
        return prepared

    def local(self) -> list[Raw] | None:
        """The raw images if the user has them, so that nothing has to be downloaded; else None."""
        if self.given:
            return self.source.adopt(self.given, self.downloads)
        return self.source.fetch(self.downloads) if self.source.size == 0 else None

    def plan(self, raws: Sequence[Raw]) -> Plan:
        """Assignment of subjects to splits. Raises AiwaveError if a split would be empty."""
        return self.split.plan(raws)

    def _fetch(self) -> list[Raw]:
        if (local := self.local()) is not None:
            return local
        _make(self.downloads)
        if self.source.size:
            missing = max(0, self.source.size - _bytes(self.downloads))
            check_free_space(self.downloads, missing + self.source.size, "download and prepare the data")
        return self.source.fetch(self.downloads)

    def _prepare(self, prepared: PreparedFolder, raws: Sequence[Raw]) -> None:
        from tqdm import tqdm

        assert prepared.record is not None
        plan = prepared.record.plan
        try:
            for raw in tqdm(raws, "prepare", unit="subject", disable=None):
                prepared.add(raw.subject, prepare_subject(raw, plan[raw.subject], self.how, self.folder))
        except AiwaveError as error:
            raise AiwaveError(f"{str(error).rstrip('.')} ({self._so_far(prepared)}).") from error
        except KeyboardInterrupt as error:
            raise Interrupted(f"Interrupted: {self._so_far(prepared)}.") from error

    def _so_far(self, prepared: PreparedFolder) -> str:
        assert prepared.record is not None
        done = sum(name in prepared.entries for name in prepared.record.plan)
        return f"{done} of {len(prepared.record.plan)} subjects are in {self.folder}, and the same command continues"


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AiwaveError(f"Cannot write {folder}: {error.strerror}.") from error


def _bytes(path: Path) -> int:
    """The size of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _check_names(plan: Plan) -> None:
    """Raise AiwaveError if two subjects would have the same file names."""
    counts = Counter(file_stem(name).lower() for name in plan)
    for name in plan:
        if counts[file_stem(name).lower()] > 1:
            raise AiwaveError(f"{name!r} and another subject would have the same file names: rename one of them.")


def _check_splits(prepared: PreparedFolder) -> None:
    """Raise AiwaveError if a planned split got no file."""
    plan = prepared.record.plan if prepared.record else {}
    planned = {share.split for shares in plan.values() for share in shares}
    for split in SPLITS:
        if split in planned and prepared.count(split) == 0:
            raise AiwaveError(
                f"{prepared.path} has no file for {split}: every crop is air; lower source.crops.air or "
                "source.crops.filled and prepare into another root."
            )
