"""`aiwave train`: run a schedule of training stages and measure its result."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from .app import run_application

if TYPE_CHECKING:
    from .schema import Node


def main(arguments: Sequence[str]) -> None:
    """The command, given what follows its name. Raises AiwaveError for bad input."""
    folders = run_application("train", train, _schema, arguments)
    if folders:
        from .evaluation import join_results

        join_results(folders)


def train(cfg: DictConfig, output: Path | None, overrides: Sequence[str]) -> None:
    """Train as `cfg` says, into `output` or else `cfg.run_dir` (or go on in `cfg.resume`); measure; print the results.

    Raises:
        AiwaveError: If the configuration, the data or a checkpoint cannot be used.
        Interrupted: On Ctrl-C; the run can be resumed.
    """
    from hydra.utils import instantiate

    from .evaluation import evaluate_codec, print_results, track_results
    from .quiet import quieten
    from .training import (
        RunFolder,
        last_finished,
        prepare_new,
        prepare_resumed,
        run_schedule,
        run_tags,
        torch_device,
        trained_codec,
    )

    quieten()
    if cfg.resume:
        folder = RunFolder(cfg.resume)
        cfg, data = prepare_resumed(cfg, folder, overrides)
    else:
        folder = RunFolder(output or cfg.run_dir)
        cfg, data = prepare_new(cfg, folder, overrides)
    tracker = instantiate(cfg.logger)
    run_schedule(cfg, folder, data, tracker)
    if cfg.evaluate:
        codec = trained_codec(cfg, folder, last_finished(cfg, folder)).to(torch_device(cfg.trainer.accelerator))
        rows = evaluate_codec(codec, data, folder.path)
        tags = ["evaluate", *run_tags(cfg)]
        track_results(
            tracker, rows, folder.path, folder.group(cfg.name), f"evaluate-{data.name}", tags, folder.record()
        )
        print_results(rows, folder.path, tracker.location)


def _schema() -> "type[Node]":
    from .schema import TrainConfig

    return TrainConfig
