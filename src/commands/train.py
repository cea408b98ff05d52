"""`aiwave train`: run a schedule of training stages and measure the result."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..sweeps.sweep_arguments import is_sweep
from .hydra_app import run_application

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from ..config.node import Node


def main(arguments: Sequence[str]) -> None:
    """Run the command with the arguments after its name. Raises AiwaveError for bad input."""
    if is_sweep(arguments):
        from ..sweeps.run_sweep import run_sweep

        run_sweep(arguments)
    else:
        run_application("train", _train, _schema, arguments)


def _train(cfg: "DictConfig", output: Path | None, overrides: Sequence[str]) -> None:
    from ..training.run import train

    train(cfg, output, overrides)


def _schema() -> "type[Node]":
    from ..config.command_schemas import TrainConfig

    return TrainConfig
