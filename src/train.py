"""`aiwave train`: run a schedule of training stages and measure the result."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from .app import run_application
from .sweeps.arguments import is_sweep

if TYPE_CHECKING:
    from .schema.node import Node


def main(arguments: Sequence[str]) -> None:
    """Run the command with the arguments after its name. Raises AiwaveError for bad input."""
    if is_sweep(arguments):
        from .sweeps.run_sweep import run_sweep

        run_sweep(arguments)
    else:
        run_application("train", train, _schema, arguments)


def train(cfg: DictConfig, output: Path | None, overrides: Sequence[str]) -> None:
    """Train as configured by `cfg`, into `output` or else `cfg.run_dir` (or continue `cfg.resume`), and evaluate.

    Prints the sizes of the model's components first, and the results at the end.

    Raises:
        AiwaveError: If the configuration, the data or a checkpoint cannot be used.
        Interrupted: On Ctrl-C; the run can be resumed.
    """
    from hydra.utils import instantiate

    from .evaluation.results import evaluate_codec, print_results, track_results
    from .models.parameters import format_parameters
    from .quiet import quieten
    from .runs.run_folder import RunFolder, last_finished
    from .runs.session import session
    from .tracking.tracker import ManyTrackers
    from .training.about import run_tags
    from .training.build import build_codec, plan
    from .training.device import torch_device
    from .training.follow import follow
    from .training.prepare import prepare_new, prepare_resumed
    from .training.processes import all_processes, is_follower
    from .training.restore import trained_codec
    from .training.schedule import run_schedule

    quieten()
    if is_follower():
        follow(cfg, overrides)
        return
    if cfg.resume:
        folder = RunFolder(cfg.resume)
        cfg, data = prepare_resumed(cfg, folder, overrides)
    else:
        folder = RunFolder(output or cfg.run_dir)
        cfg, data = prepare_new(cfg, folder, overrides)
    with session(folder.path):
        print(f"\n{format_parameters(build_codec(cfg, plan(cfg)[-1]))}\n")
        tracker = ManyTrackers([instantiate(node) for node in (cfg.logger, cfg.get("also")) if node is not None])
        with all_processes(cfg, folder.path):
            run_schedule(cfg, folder, data, tracker)
        if cfg.evaluate:
            codec = trained_codec(cfg, folder, last_finished(cfg, folder)).to(torch_device(cfg.trainer.accelerator))
            rows = evaluate_codec(codec, data, folder.path)
            tags, name = ["evaluate", *run_tags(cfg)], f"{folder.title(cfg.name)}-evaluate-{data.name}"
            anchors = Path(cfg.anchor_table) if cfg.get("anchor_table") else None
            track_results(tracker, rows, folder.path, folder.group(cfg.name), name, tags, folder.record(), anchors)
            print_results(rows, folder.path, tracker.location)


def _schema() -> "type[Node]":
    from .schema.commands import TrainConfig

    return TrainConfig
