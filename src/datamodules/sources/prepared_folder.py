"""A prepared folder, and its record of what was prepared and how."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...errors import AiwaveError
from ...writing import TEMPORARY, replacing
from ..manifest import CACHE, SPLITS, Entry, Manifest
from .source import Raw
from .splits import Plan, Share
from .subject import Prepared

NAME = "prepare.json"


@dataclass
class Record:
    """The record, stored as prepare.json beside the manifest.

    `options` are those of the source, except the path of the user's own files. `plan` assigns shares to every subject.
    `empty` lists the subjects without an informative crop; `rounded` is the largest rounding of floats, by subject.
    """

    options: dict[str, Any]
    plan: Plan
    empty: list[str] = field(default_factory=list)
    rounded: dict[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> "Record | None":
        """Read the record of `folder`; None if there is none. Raises AiwaveError if it is damaged."""
        path = folder / NAME
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            plan = {name: tuple(Share(**share) for share in shares) for name, shares in stored["plan"].items()}
            return cls(dict(stored["options"]), plan, list(stored["empty"]), dict(stored["rounded"]))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AiwaveError(f"{path} cannot be read: {error.strerror}.") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise AiwaveError(f"{path} is damaged: delete {folder} and prepare it again.") from error

    def write(self, folder: Path) -> None:
        """Store the record atomically. Raises AiwaveError if it cannot be written."""
        with replacing(folder / NAME) as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    def check_options(self, options: Mapping[str, Any], folder: Path) -> None:
        """Raise AiwaveError, naming the differences, if the folder was prepared with other options."""
        then, now = dict(_flat(self.options)), dict(_flat(options))
        differing = [key for key in [*then, *(key for key in now if key not in then)] if then.get(key) != now.get(key)]
        if differing:
            words = ", ".join(f"source.{key} was {then.get(key)} and is now {now.get(key)}" for key in differing)
            raise AiwaveError(
                f"{folder} was prepared with other options ({words}): prepare into another root, or delete the folder."
            )

    def check_subjects(self, raws: Sequence[Raw], folder: Path) -> None:
        """Raise AiwaveError, naming them, if the source lost or gained subjects: the split would change."""
        there = {raw.subject for raw in raws}
        for words, names in (("no longer has", self.plan.keys() - there), ("now has", there - self.plan.keys())):
            if names:
                raise AiwaveError(
                    f"The source {words} {', '.join(sorted(names)[:5])}, and {folder} was split before that: prepare "
                    "into another root, or delete the folder."
                )


def _flat(options: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in options.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


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
            there = (path for path in (self.path / split).rglob("*") if not TEMPORARY.fullmatch(path.name))
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
