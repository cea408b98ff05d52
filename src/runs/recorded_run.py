"""A run as its folder records it, whatever is missing there: for reports, which need little of it."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from ..config.recorded import SHOWN, parsed, read_text
from ..errors import AiwaveError
from .records import check_version
from .run_folder import CONFIG, PROVENANCE

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
