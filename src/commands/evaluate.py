"""`aiwave evaluate`: rate-distortion curve of a trained run, on its own test volumes or others."""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from ..errors import AiwaveError
from .hydra_app import run_application

if TYPE_CHECKING:
    from ..config.node import Node
    from ..runs.run_folder import RunFolder


WAYS = ("real", "optimise", "similarity")
"""Options that are other ways of measuring, whose results have a folder of their own."""


def main(arguments: Sequence[str]) -> None:
    """Run the command with the arguments after its name. Raises AiwaveError for bad input."""
    for before, given in pairwise(["", *arguments]):
        if "=" not in given and not given.startswith(("-", "~")) and not before.startswith("-"):
            raise AiwaveError(f"{given} is not an option: if it is the folder of the run, give run={given}.")
    run_application("evaluate", evaluate, _schema, arguments)


def evaluate(cfg: DictConfig, output: Path | None, overrides: Sequence[str]) -> None:
    """Rebuild a codec of `cfg.run` from the run's stored configuration; write rd.csv and rd.png; print the table.

    With `cfg.real`, actual files are written and read back. Results go to `cfg.out`, by default the run's folder, or a
    subfolder of it for another stage, data set, way of measuring or ladder of qualities.

    Raises:
        AiwaveError: If the run or the data cannot be used, or if files that are not written are to be optimised.
    """
    from ..config.building import build
    from ..config.command_schemas import EvaluateConfig, TrainConfig
    from ..config.data_schema import Dataset
    from ..config.plan import run_tags
    from ..config.training_schema import Logger
    from ..config.validation import validate
    from ..evaluation.results import check_anchors, evaluate_codec, print_results, track_results
    from ..runs.run_folder import RunFolder, last_finished
    from ..system import quieten, torch_device
    from ..training.stage_codec import trained_codec

    quieten()
    validate(cfg, EvaluateConfig)
    if cfg.optimise and not cfg.real:
        raise AiwaveError("optimise=true optimises files, which are only written with real=true: give both or none.")
    check_anchors(cfg.anchor_table)
    folder = RunFolder(cfg.run)
    trained = folder.read_config()
    validate(trained, TrainConfig, folder.config_path)
    stage = last_finished(trained, folder, cfg.after)
    codec = trained_codec(trained, folder, stage).to(torch_device(cfg.accelerator))
    data = build(cfg.get("dataset") or trained.dataset, Dataset, "dataset")
    data.setup("test")
    target = Path(cfg.out) if cfg.out else _target(folder, cfg)
    rows = evaluate_codec(codec, data, target, cfg.qualities, cfg.tile, cfg.similarity, cfg.real, cfg.optimise)
    tracker = build(cfg.logger, Logger, "logger")
    tags = ["evaluate", stage, *run_tags(trained)]
    name = f"{folder.title(trained.name)}-evaluate-{stage}-{data.name}"
    anchors = Path(cfg.anchor_table) if cfg.anchor_table else None
    track_results(tracker, rows, target, folder.group(trained.name), name, tags, folder.record(), anchors)
    print_results(rows, target, tracker.location)
    print(f"codec     that of stage {stage}")


def _target(run: "RunFolder", cfg: DictConfig) -> Path:
    """The folder of an evaluation; that of the run itself only for what is measured after training, too."""
    from ..evaluation.results import TILE

    folder = run.stage(cfg.after) if cfg.after else run.path
    if cfg.get("dataset"):
        folder = folder / _plain(cfg.dataset.name)
    ways = [way for way in WAYS if cfg[way]]
    if cfg.tile != TILE:
        ways.append(f"tile_{cfg.tile}")
    if ways:
        folder = folder / "_".join(ways)
    return folder / "_".join(["at", *(f"{quality:g}" for quality in cfg.qualities)]) if cfg.qualities else folder


TAKEN = re.compile(rf"({'|'.join(WAYS)}|tile|at)(_|$)|(stages|slices|wandb|csv|tensorboard)$")
"""Names of other folders in that of a run."""


def _plain(name: str) -> str:
    """The name of a data set, which may be a path, as that of one visible folder which nothing else has."""
    from ..report.slices import file_name

    folder = file_name(re.sub(r"^\.+", "_", name)) or "_"
    return f"{folder}_" if TAKEN.match(folder) else folder


def _schema() -> "type[Node]":
    from ..config.command_schemas import EvaluateConfig

    return EvaluateConfig
