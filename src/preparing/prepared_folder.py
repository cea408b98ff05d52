"""A folder of prepared files: its progress and its problems."""

from dataclasses import dataclass, field
from pathlib import Path

from ..datamodules.caching import CACHE
from ..datamodules.entry import SPLITS, Entry
from ..datamodules.manifest import Manifest
from ..errors import AiwaveError
from .record import Record
from .subject import Prepared


@dataclass
class PreparedFolder:
    """A prepared folder. `record` is None before anything is prepared; `entries` are by subject, in plan order."""

    path: Path
    record: Record | None
    entries: dict[str, tuple[Entry, ...]] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path) -> "PreparedFolder":
        """Read record and manifest. Raises AiwaveError if one is damaged, or the folder holds anything else."""
        record = Record.read(path)
        if record is None:
            if path.is_dir() and any(path.iterdir()):
                raise AiwaveError(
                    f"{path} is not empty and was not made by aiwave prepare: choose another root or dataset.subset."
                )
            return cls(path, None)
        folder = cls(path, record)
        manifest = Manifest(path, ())
        if manifest.path.exists():
            for entry in Manifest.read(path).entries:
                folder.entries[entry.subject] = (*folder.entries.get(entry.subject, ()), entry)
        return folder

    def todo(self) -> list[str]:
        """The subjects of the plan that are not done, or have a missing or changed file."""
        plan = self.record.plan if self.record else {}
        return [name for name in plan if not self._done(name)]

    def problems(self) -> list[str]:
        """Differences from manifest and plan: missing, changed and extra files, and subjects still to be done."""
        found = []
        for entry in (entry for entries in self.entries.values() for entry in entries):
            try:
                Manifest(self.path, ()).verify(entry)
            except AiwaveError as error:
                found.append(str(error).partition(": run aiwave")[0])
        named = {self.path / entry.file for entries in self.entries.values() for entry in entries}
        for split in SPLITS:
            there = (self.path / split).rglob("*")
            found += [
                f"{path} is extra: it is not in the manifest"
                for path in sorted(there)
                if path.is_file() and path not in named and CACHE not in path.relative_to(self.path).parts
            ]
        empty = self.record.empty if self.record else []
        plan = self.record.plan if self.record else {}
        found += [f"{name} is not prepared yet" for name in plan if name not in self.entries and name not in empty]
        return found

    def add(self, subject: str, prepared: Prepared) -> None:
        """Add a subject's files to record and manifest. Raises AiwaveError if these cannot be written."""
        if self.record is None:
            raise ValueError("the folder has no plan yet")
        if prepared.rounding:
            self.record.rounded[subject] = prepared.rounding
        if not prepared.entries and subject not in self.record.empty:
            self.record.empty.append(subject)
        if prepared.rounding or not prepared.entries:
            self.record.write(self.path)
        self.entries[subject] = prepared.entries
        ordered = (entry for name in self.record.plan for entry in self.entries.get(name, ()))
        Manifest(self.path, tuple(ordered)).write()

    def count(self, split: str) -> int:
        """Number of files of a split."""
        return sum(entry.split == split for entries in self.entries.values() for entry in entries)

    def _done(self, name: str) -> bool:
        if self.record and name in self.record.empty:
            return True
        try:
            Manifest(self.path, ()).check(self.entries.get(name, ()))
        except AiwaveError:
            return False
        return bool(self.entries.get(name))
