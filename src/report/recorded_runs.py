"""Runs as recorded in their folders, and codec names that distinguish them."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from ..config.recorded import SHOWN, parsed, read_text
from ..errors import AiwaveError
from .slices import Slice
from .tables import RdRow

CONFIG, PROVENANCE = "config.yaml", "provenance.json"

VERSION = 1
"""Version of run folders, which provenance.json states."""

INCIDENTAL = ("lmbda", "run_dir", "resume", "logger", "callbacks", "trainer", "evaluate", "anchor_table")


@dataclass(frozen=True)
class RecordedRun:
    """A run's folder and name, its configuration as text, and the main facts about it."""

    folder: Path
    name: str
    config: str
    facts: tuple[tuple[str, str], ...]
    peak: float | None
    recipe: str  # equal for the runs of one curve, which differ in lambda alone


def read_run(folder: Path) -> RecordedRun:
    """Read config.yaml and, if present, provenance.json of a run's folder.

    Raises:
        AiwaveError: If config.yaml is not a configuration in YAML, or the folder is of another version.
    """
    path = folder / CONFIG
    text = read_text(path)
    config: Any = OmegaConf.to_container(parsed(text, path))
    record = _record(folder)
    if record:
        check_version(folder, record)
    dataset = config.get("dataset")
    peak = dataset.get("peak") if isinstance(dataset, dict) else None
    if peak is not None and not (isinstance(peak, int | float) and 0 < peak < math.inf):
        raise AiwaveError(f"{path}: dataset.peak is {str(peak)[:SHOWN]!r}, but a peak is a number above zero.")
    return RecordedRun(
        folder, str(config.get("name") or ""), text, _facts(record), float(peak) if peak else None, _recipe(config)
    )


def check_version(folder: Path, record: dict[str, Any]) -> None:
    """Raise AiwaveError if the provenance `record` of a run's folder is of another version than VERSION."""
    if "version" not in record:
        raise AiwaveError(
            f"{folder} was written before version {VERSION} of run folders: train again, or use it with commit 6ce39fe "
            "of this program."
        )
    if record["version"] != VERSION:
        raise AiwaveError(
            f"{folder} was written by aiwave {record.get('aiwave')}, which is newer than this {version('aiwave')}: "
            "update aiwave."
        )


def _record(folder: Path) -> dict[str, Any]:
    """The provenance of a run's folder; empty without a readable one."""
    try:
        record = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def _facts(record: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    try:
        git = record.get("git", {})
        commit = f"{git['commit'][:12]}{', with changes' if git.get('dirty') else ''}" if git.get("commit") else ""
        torch = str(record.get("packages", {}).get("torch", ""))
        facts = (("command", str(record.get("command", ""))), ("commit", commit), ("torch", torch))
    except (AttributeError, TypeError):
        return ()
    return tuple((name, text) for name, text in facts if text)


def _recipe(config: dict[str, Any]) -> str:
    kept = {key: value for key, value in config.items() if key not in INCIDENTAL}
    if isinstance(kept.get("rate"), dict):
        kept["rate"] = {key: value for key, value in kept["rate"].items() if key != "lmbda"}
    return json.dumps(kept, sort_keys=True, default=str)


@dataclass
class Source:
    """One RD table, the run that it belongs to (None for anchors) and the slices beside it."""

    table: Path
    rows: list[RdRow]
    run: RecordedRun | None
    slices: list[Slice]

    @property
    def folder(self) -> Path:
        """Folder of the table."""
        return self.table.parent


def result(row: RdRow) -> tuple[object, ...]:
    """Key of a point: everything but the times and the run's name that a sweep's table adds."""
    codec = row.codec.rpartition(": ")[2]
    return (row.dataset, row.file, codec, row.quality, row.bpp, row.psnr_db)


def tell_apart(sources: Sequence[Source]) -> list[Source]:
    """Rename codecs to `NAME (RUN)` where sources of that name do not form one curve; RUN is the run's name or folder.

    They form one if they coded different volumes, or if they are tables of the same run, of runs that differ in
    lambda alone, or of no run, and never give two results for the same setting.
    """
    renamed = [replace(source, rows=list(source.rows), slices=list(source.slices)) for source in sources]
    for codec in dict.fromkeys(row.codec for source in sources for row in source.rows):
        groups: list[list[Source]] = []
        for source in renamed:
            if any(row.codec == codec for row in source.rows):
                group = next((g for g in groups if all(_one_curve(codec, source, other) for other in g)), None)
                groups.append([source]) if group is None else group.append(source)
        if len(groups) > 1:
            _rename(codec, groups)
    return renamed


def _one_curve(codec: str, a: Source, b: Source) -> bool:
    rows = [[row for row in source.rows if row.codec == codec] for source in (a, b)]
    volumes = [{(row.dataset, row.file) for row in part} for part in rows]
    if not volumes[0] & volumes[1]:
        return True
    recipes = [source.run.recipe if source.run else "" for source in (a, b)]
    settings = [{(row.dataset, row.file, row.quality) for row in part} for part in rows]
    return recipes[0] == recipes[1] and not settings[0] & settings[1]


def _rename(codec: str, groups: Sequence[Sequence[Source]]) -> None:
    names = [group[0].run.name if group[0].run else "" for group in groups]
    labels = names if all(names) and len(set(names)) == len(names) else _labels([group[0].folder for group in groups])
    for group, label in zip(groups, labels, strict=True):
        for source in group:
            name = f"{codec} ({label})"
            source.rows = [replace(row, codec=name) if row.codec == codec else row for row in source.rows]
            source.slices = [
                replace(one, row=replace(one.row, codec=name)) if one.row.codec == codec else one
                for one in source.slices
            ]


def _labels(folders: Sequence[Path]) -> list[str]:
    """The shortest trailing parts of each folder that distinguish all of them; their numbers if none do."""
    for count in range(1, max(len(folder.parts) for folder in folders) + 1):
        labels = ["/".join(folder.parts[-count:]) for folder in folders]
        if len(set(labels)) == len(labels):
            return labels
    return [str(number) for number, _ in enumerate(folders, start=1)]
