"""Follower processes of a run: those that torchrun or Slurm started besides the first."""

import time
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from ..errors import AiwaveError
from ..runs.run_folder import RunFolder
from .prepare import prepare_resumed
from .processes import check_processes, take_part

WAIT_S, POLL_S = 600.0, 0.2


def follow(cfg: DictConfig, overrides: Sequence[str]) -> None:
    """Train together with the first process, in its folder.

    Raises:
        AiwaveError: If the first process does not start, or as `take_part` does.
    """
    check_processes(cfg, overrides)
    folder = RunFolder(cfg.resume or cfg.run_dir)
    if cfg.resume:
        take_part(prepare_resumed(cfg, folder, overrides)[0], folder.path)
        return
    _await(folder.config_path)
    take_part(folder.read_config(), folder.path)


def _await(path: Path) -> None:
    until = time.monotonic() + WAIT_S
    while not path.is_file():
        if time.monotonic() > until:
            raise AiwaveError(f"The first process did not write {path}: see its output.")
        time.sleep(POLL_S)
