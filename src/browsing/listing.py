"""List of all runs below a folder, one per line."""

from collections.abc import Sequence
from pathlib import Path

from tabulate import tabulate

from ..errors import AiwaveError
from ..training.about import about
from ..training.build import plan
from ..training.run_folder import RunFolder
from ..training.session import is_held
from ..training.status import read_status

COLUMNS = ("run", "state", "name", "dataset", "transform", "entropy", "rate", "stages")


def find_runs(root: Path) -> list[RunFolder]:
    """The runs below `root`, oldest first. Raises AiwaveError if the folder does not exist."""
    if not root.is_dir():
        raise AiwaveError(f"{root} is not a folder: give the one that holds the runs.")
    found = [path for path in root.rglob("config.yaml") if (path.parent / "provenance.json").is_file()]
    return [RunFolder(path.parent) for path in sorted(found, key=lambda path: (path.stat().st_mtime_ns, path))]


def format_runs(runs: Sequence[RunFolder]) -> str:
    """A plain-text table of `runs`; an unreadable one shows the reason in place of its columns."""
    return tabulate([_row(run) for run in runs], COLUMNS, tablefmt="plain", disable_numparse=True)


def state_of(run: RunFolder) -> str:
    """State of a run; "running" only while a process is at work on it."""
    status = read_status(run.path)
    if status is None:
        return "unfinished"
    return "interrupted" if status.state == "running" and not is_held(run.path) else status.state


def _row(run: RunFolder) -> tuple[str, ...]:
    try:
        cfg = run.read_config()
        stages = plan(cfg)
        words = (cfg.name, *about(cfg).values())
    except Exception as error:  # whatever is wrong with one run, the others are still listed
        return str(run.path), f"unreadable: {str(error).splitlines()[0]}"
    done = sum(run.is_finished(stage.name) for stage in stages)
    return str(run.path), state_of(run), *words, f"{done}/{len(stages)}"
