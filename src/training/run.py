"""A run from its configuration to its results: prepared or resumed, trained stage by stage, measured."""

import re
import time
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from ..config.building import build
from ..config.command_schemas import TrainConfig
from ..config.model_schema import Rounding, Transform
from ..config.plan import plan, run_tags, stage_rounding, stage_transform
from ..config.training_schema import Logger
from ..config.validation import validate
from ..datamodules.volume_datamodule import VolumeDataModule
from ..errors import AiwaveError
from ..evaluation.results import check_anchors, evaluate_codec, print_results, track_results
from ..models.codec import format_parameters
from ..runs.run_folder import RunFolder, last_finished
from ..runs.run_identity import AlreadyTrainedError, find_finished, identity
from ..runs.session import session
from ..system import quieten, torch_device, user_path
from ..tracking.tracker import ManyTrackers
from .processes import all_processes, check_processes, is_follower, take_part
from .schedule import read_data, run_schedule, suitable_precision
from .stage_codec import build_codec, trained_codec
from .starting_weights import load_weights, starting_point

WHILE_RESUMING = ("callbacks", "logger", "trainer", "launcher", "anchor_table")

ON_CPU = "trainer=cpu"
"""The option that trains without a GPU."""

WAIT_S, POLL_S = 600.0, 0.2


def prepare_new(cfg: DictConfig, folder: RunFolder, overrides: Sequence[str]) -> tuple[DictConfig, VolumeDataModule]:
    """Check the configuration, the data and every stage's model, and record a new run in `folder`.

    Returns the fully resolved configuration, including the data's peak and intensity scale, and the data module.

    Raises:
        AlreadyTrainedError: If there is a finished run with the same identity, unless `cfg.again`.
        AiwaveError: If anything is unusable; nothing is written then.
    """
    validate(cfg, TrainConfig)
    check_lmbda(cfg)
    plan(cfg)
    torch_device(cfg.trainer.accelerator, ON_CPU)
    check_processes(cfg, overrides)
    check_anchors(cfg.anchor_table)
    trackers(cfg)
    folder.check_unused()
    cfg = cfg.copy()
    OmegaConf.set_struct(cfg, False)
    cfg.run_dir = str(folder.path)
    if cfg.dataset.root is not None and "://" not in cfg.dataset.root:
        cfg.dataset.root = str(user_path(cfg.dataset.root).resolve())
    if cfg.init_from is not None:
        cfg.init_from = starting_point(cfg.init_from)
    data = read_data(cfg)
    cfg.dataset.update(data.determined())
    OmegaConf.resolve(cfg)
    check_stages(cfg)
    content = data.identity()
    known = identity(cfg, content)
    if not cfg.again and (finished := find_finished(known, Path(cfg.runs_dir))):
        raise AlreadyTrainedError(finished)
    about = {"name": data.name, "subset": data.subset, "sha256": content}
    folder.create(cfg, overrides, {"data": about, "identity": known})
    return cfg, data


def prepare_resumed(
    cfg: DictConfig, folder: RunFolder, overrides: Sequence[str]
) -> tuple[DictConfig, VolumeDataModule]:
    """The recorded configuration of a run, with what `WHILE_RESUMING` names of `cfg` if overridden; and its data.

    Raises:
        AiwaveError: If the folder holds no run, its data is gone or has changed, or anything else was overridden.
    """
    recorded = folder.read_config()
    for override in overrides:
        root = re.split(r"[.=@]", override.lstrip("+~"))[0]
        if root in WHILE_RESUMING:
            recorded[root] = cfg[root]
            if root == "logger":
                recorded.also = cfg.also
        elif root != "resume":
            raise AiwaveError(
                f"A resumed run keeps its recorded configuration: leave out {override}, or start a new run "
                f"(only {', '.join(WHILE_RESUMING)} may change)."
            )
    validate(recorded, TrainConfig, folder.config_path)
    torch_device(recorded.trainer.accelerator, ON_CPU)
    check_processes(recorded, overrides)
    check_anchors(recorded.get("anchor_table"))
    data = read_data(recorded)
    content = data.identity()
    if folder.provenance()["data"].get("sha256", content) != content:
        raise AiwaveError(
            f"The data at {recorded.dataset.root} have another hash than {folder.path} recorded: they have changed, or "
            "it was begun by a version that hashed names and sizes of files only; start a new run, since a model "
            "trained on two sets of data could not be named."
        )
    return recorded, data


def trackers(cfg: DictConfig) -> ManyTrackers:
    """The trackers of a run. Raises ModuleNotFoundError if a library of theirs is missing."""
    return ManyTrackers([build(node, Logger, "logger") for node in (cfg.logger, cfg.get("also")) if node is not None])


def check_lmbda(cfg: DictConfig) -> None:
    """Raise AiwaveError if there is a lambda and the rate has no use for it."""
    if cfg.lmbda is not None and "lmbda" not in cfg.rate:
        name = cfg.rate["_target_"].rpartition(".")[2]
        raise AiwaveError(f"lmbda={cfg.lmbda:g} is given, but the rate, {name}, takes no lmbda: choose rate=fixed.")


def check_stages(cfg: DictConfig) -> None:
    """Build every stage's codec once, so that one that cannot be built or trained is refused before training starts.

    Raises:
        AiwaveError: If a stage's transform is invalid, its weights do not fit, or it has nothing to train.
    """
    for position, stage in enumerate(plan(cfg)):
        place = "stage" if cfg.get("stage") is not None else f"schedule.stages.{stage.name}"
        validate(stage_transform(cfg, stage), Transform, place=f"{place}.transform")
        validate(stage_rounding(cfg, stage), Rounding, place=f"{place}.rounding")
        codec = build_codec(cfg, stage)
        if position == 0 and cfg.init_from:
            load_weights(codec, Path(cfg.init_from))
        elif position == 0 and "entropy" in stage.freeze:
            raise AiwaveError(
                f"Stage {stage.name} freezes the entropy model, which nothing has trained: give init_from=CHECKPOINT "
                "or a model."
            )
        components = [child for name, child in codec.named_children() if name not in stage.freeze]
        if not any(parameter.requires_grad for child in components for parameter in child.parameters()):
            raise AiwaveError(
                f"Stage {stage.name} has nothing to train: its components are frozen or have no parameters; shorten "
                "its freeze list or leave it out of schedule.order."
            )


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


def train(cfg: DictConfig, output: Path | None, overrides: Sequence[str]) -> None:
    """Train as configured by `cfg`, into `output` or else `cfg.run_dir` (or continue `cfg.resume`), and evaluate.

    Prints the sizes of the model's components first, and the results or else the run's folder at the end.

    Raises:
        AiwaveError: If the configuration, the data or a checkpoint cannot be used.
        Interrupted: On Ctrl-C or SIGTERM; the run can be resumed.
    """
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
        wanted, taken = cfg.trainer.precision, suitable_precision(cfg.trainer.precision, cfg.trainer.accelerator)
        if taken != wanted:
            print(f"This processor has no bfloat16 arithmetic, so trainer.precision is {taken}.")
        tracker = trackers(cfg)
        with all_processes(cfg, folder.path):
            run_schedule(cfg, folder, data, tracker)
        if cfg.evaluate:
            codec = trained_codec(cfg, folder, last_finished(cfg, folder)).to(torch_device(cfg.trainer.accelerator))
            rows = evaluate_codec(codec, data, folder.path)
            tags, name = ["evaluate", *run_tags(cfg)], f"{folder.title(cfg.name)}-evaluate-{data.name}"
            anchors = Path(cfg.anchor_table) if cfg.get("anchor_table") else None
            track_results(tracker, rows, folder.path, folder.group(cfg.name), name, tags, folder.record(), anchors)
            print_results(rows, folder.path, tracker.location)
        else:
            print(f"run       {folder.path}")
