"""Identity of a run, from its configuration, and the search for a finished run with the same identity."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ..errors import AiwaveError
from .run_folder import PROVENANCE
from .session import read_status

ELSEWHERE = ("run_dir", "runs_dir", "resume", "again", "logger", "also", "callbacks", "launcher", "search")

SPEED = {
    "dataset": ("root", "num_workers", "pool_mb"),
    "trainer": ("accelerator", "devices", "num_nodes", "strategy", "compile", "profile", "log_every_n_steps"),
}


class AlreadyTrainedError(AiwaveError):
    """The requested run already exists in the folder `path`."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is a finished run of the same configuration, data and sources: use it, or add again=true to "
            "train again."
        )
        self.path = path


def identity(cfg: DictConfig, data: str) -> str:
    """Hash of everything that determines a run's results: resolved configuration, data and this program's sources.

    Settings of place, speed, logging and callbacks are left out. `data` is the hash of the data.
    """
    values: Any = {key: value for key, value in OmegaConf.to_container(cfg).items() if key not in ELSEWHERE}  # type: ignore[union-attr]
    for node, keys in SPEED.items():
        values[node] = {key: value for key, value in values[node].items() if key not in keys}
    for cache_node in (values["cache"], values["dataset"]["cache"]):
        cache_node.pop("folder", None)
    return hashlib.sha256(json.dumps([values, data, sources()], sort_keys=True).encode()).hexdigest()


@cache
def sources() -> str:
    """Hash of this program's sources."""
    package = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def find_finished(identity: str, runs: Path) -> Path | None:
    """A finished run with this identity anywhere below the folder `runs`; None if there is none."""
    for path in sorted(runs.rglob(PROVENANCE)):
        try:
            known = json.loads(path.read_text(encoding="utf-8")).get("identity")
        except (OSError, ValueError, AttributeError, RecursionError):
            continue
        status = read_status(path.parent)
        if known == identity and status is not None and status.state == "finished":
            return path.parent
    return None
