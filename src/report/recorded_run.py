"""The record that a run's folder keeps of the run."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..errors import AiwaveError

CONFIG, PROVENANCE = "config.yaml", "provenance.json"
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
        AiwaveError: If config.yaml is not a configuration in YAML.
    """
    path = folder / CONFIG
    try:
        text = path.read_text(encoding="utf-8")
        config = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise AiwaveError(f"{path} cannot be read: {str(error).splitlines()[0]}.") from error
    if not isinstance(config, dict):
        raise AiwaveError(f"{path} is not a configuration.")
    dataset = config.get("dataset")
    peak = dataset.get("peak") if isinstance(dataset, dict) else None
    return RecordedRun(
        folder, str(config.get("name") or ""), text, _facts(folder), float(peak) if peak else None, _recipe(config)
    )


def _facts(folder: Path) -> tuple[tuple[str, str], ...]:
    try:
        record = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
        git = record.get("git", {})
        commit = f"{git['commit'][:12]}{', with changes' if git.get('dirty') else ''}" if git.get("commit") else ""
        torch = str(record.get("packages", {}).get("torch", ""))
        facts = (("command", str(record.get("command", ""))), ("commit", commit), ("torch", torch))
    except (OSError, ValueError, AttributeError, TypeError):
        return ()
    return tuple((name, text) for name, text in facts if text)


def _recipe(config: dict[str, Any]) -> str:
    kept = {key: value for key, value in config.items() if key not in INCIDENTAL}
    if isinstance(kept.get("rate"), dict):
        kept["rate"] = {key: value for key, value in kept["rate"].items() if key != "lmbda"}
    return json.dumps(kept, sort_keys=True, default=str)
