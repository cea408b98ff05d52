"""The folder of a run, which holds everything about it."""

import json
import os
import secrets
import shlex
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ..config.command_schemas import TrainConfig
from ..config.plan import plan
from ..config.recorded import read_recorded
from ..config.validation import validate
from ..errors import AiwaveError
from ..writing import replacing
from .provenance import git_state, machine, package_versions
from .records import VERSION, DoneMark, Provenance, check_version, read_record
from .session import alone

CONFIG, PROVENANCE, DIFF, STAGES = "config.yaml", "provenance.json", "git.diff", "stages"
"""Names in the folder of a run."""

LAST, BEST, DONE_MARK, METRICS = "last.ckpt", "best.ckpt", "done.json", "metrics.csv"
"""Names in the folder of a stage."""

SWEEP = "sweep.json"
"""Name of the record in the folder of a sweep, which holds those of its runs."""


class RunFolder:
    """Paths inside a run's folder, and the record of the run's origin.

    config.yaml is the resolved configuration, provenance.json the code, packages and machine; stages/NAME holds a
    stage's checkpoints `last.ckpt` and `best.ckpt` and, once the stage is finished, done.json.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @property
    def config_path(self) -> Path:
        """The resolved configuration."""
        return self.path / CONFIG

    def stage(self, name: str) -> Path:
        """The folder of a stage."""
        return self.path / STAGES / name

    def check_unused(self) -> None:
        """Raise AiwaveError if the folder already holds a run."""
        if self.config_path.exists():
            raise AiwaveError(
                f"{self.path} already holds a run: continue it with `aiwave train resume={self.path}` or choose "
                "another run_dir."
            )

    def create(self, cfg: DictConfig, overrides: Sequence[str], facts: dict[str, Any]) -> None:
        """Write the record of a new run; `facts` are added to its provenance.

        Raises:
            AiwaveError: If the folder already holds a run.
        """
        self.check_unused()
        state = git_state(Path(__file__).resolve())
        diff = state.pop("diff", "")
        provenance = {
            "version": VERSION,
            "aiwave": version("aiwave"),
            "id": secrets.token_hex(4),
            "command": shlex.join(["aiwave", "train", *overrides]),
            "git": state,
            "packages": package_versions(),
            "machine": machine(),
            **facts,
        }
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise AiwaveError(f"Cannot create {self.path}: {error.strerror}.") from error
        with alone(self.path):
            self.check_unused()  # of two processes that begin here at once, one gets here second
            write_text(self.path / PROVENANCE, json.dumps(provenance, indent=2))
            if diff:
                write_text(self.path / DIFF, diff)
            write_text(self.config_path, OmegaConf.to_yaml(cfg))

    def read_config(self) -> DictConfig:
        """The stored configuration, checked against its schema; nothing that it names has been imported or built.

        Raises:
            AiwaveError: If there is no readable and valid one, or another version of this program wrote it.
        """
        if not self.config_path.is_file():
            raise AiwaveError(f"{self.path} is not a run folder: it has no {CONFIG}.")
        check_links(self.path)
        cfg = read_recorded(self.config_path)
        self.provenance()
        validate(cfg, TrainConfig, self.config_path, imports=False)
        return cfg

    def provenance(self) -> dict[str, Any]:
        """Code, packages, machine and data of the run. Raises AiwaveError without a valid record of this version."""
        return read_record(self.path / PROVENANCE, Provenance, partial(check_version, self.path))

    def record(self) -> dict[str, Any]:
        """Configuration and provenance as plain values, for a tracker."""
        config = OmegaConf.to_container(self.read_config())
        return {**config, "provenance": self.provenance()}  # type: ignore[dict-item]

    def title(self, name: str) -> str:
        """Name of the tracked runs of this folder, unique to it, for a run called `name`."""
        return f"{name}-{self.provenance()['id']}"

    def group(self, name: str) -> str:
        """Group of the tracked runs: the sweep, or this run if it belongs to none."""
        sweep = self.path.resolve().parent
        return sweep.name if (sweep / SWEEP).is_file() else self.title(name)

    def validation_loss(self) -> float | None:
        """The lowest validation loss of the last finished stage; None if it was not recorded."""
        marks = sorted(self.path.glob(f"{STAGES}/*/{DONE_MARK}"), key=lambda path: path.stat().st_mtime_ns)
        return read_record(marks[-1], DoneMark)["validation_loss"] if marks else None

    def facts(self, stage: str) -> dict[str, Any]:
        """Facts that `finish` recorded of a finished stage. Raises AiwaveError if it cannot be read."""
        return read_record(self.stage(stage) / DONE_MARK, DoneMark)

    def finish(self, stage: str, facts: dict[str, Any]) -> None:
        """Mark a stage as finished."""
        write_text(self.stage(stage) / DONE_MARK, json.dumps(facts, indent=2))

    def is_finished(self, stage: str) -> bool:
        """True if a stage was trained to its end."""
        return (self.stage(stage) / DONE_MARK).is_file()


def find_runs(root: Path) -> list[RunFolder]:
    """The runs below `root`, oldest first. Raises AiwaveError if the folder does not exist."""
    if not root.is_dir():
        raise AiwaveError(f"{root} is not a folder: give the one that holds the runs.")
    found = [path for path in root.rglob(CONFIG) if (path.parent / PROVENANCE).is_file()]
    return [RunFolder(path.parent) for path in sorted(found, key=lambda path: (path.stat().st_mtime_ns, path))]


def check_links(folder: Path) -> None:
    """Raise AiwaveError for a link below `folder` that leads out of it: what is written there would go elsewhere.

    W&B's own links, to its logs, lie in folders that it never writes to again.
    """
    top = os.path.realpath(folder)
    for place, folders, files in os.walk(top):
        for name in (*folders, *files):
            path = os.path.join(place, name)
            if os.path.islink(path) and not Path(os.path.realpath(path)).is_relative_to(top):
                raise AiwaveError(f"{path} is a link that leads out of {folder}: replace it by what it leads to.")
        folders[:] = [name for name in folders if name != "wandb"]


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically. Raises AiwaveError if the disk refuses."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def last_finished(cfg: DictConfig, folder: RunFolder, wanted: str | None = None) -> str:
    """The name of the last finished stage, or `wanted` if that is finished.

    Raises:
        AiwaveError: If no such stage is finished.
    """
    finished = [stage.name for stage in plan(cfg) if folder.is_finished(stage.name)]
    chosen = [name for name in finished if wanted in (None, name)]
    if not chosen:
        missing = f"stage {wanted!r}" if wanted else "stage"
        raise AiwaveError(f"{folder.path} has no finished {missing}: finished are {', '.join(finished) or 'none'}.")
    return chosen[-1]
