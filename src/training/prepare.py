"""Preparation of a run from a command's configuration: checked, completed with facts about the data, recorded."""

import re
from collections.abc import Sequence
from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from ..datamodules.base import VolumeDataModule
from ..errors import AiwaveError
from ..runs.identity import AlreadyTrainedError, find_finished, identity
from ..runs.run_folder import RunFolder
from ..schema.commands import TrainConfig
from ..schema.model import Rounding, Transform
from ..validation import validate
from .build import build_codec, plan, stage_rounding, stage_transform
from .device import torch_device
from .processes import check_processes
from .weights import load_weights

WHILE_RESUMING = ("callbacks", "logger", "trainer", "launcher")


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
    torch_device(cfg.trainer.accelerator)
    check_processes(cfg, overrides)
    folder.check_unused()
    cfg = cfg.copy()
    OmegaConf.set_struct(cfg, False)
    cfg.run_dir = str(folder.path)
    for key, node in (("root", cfg.dataset), ("init_from", cfg)):
        if node[key] is not None:
            node[key] = str(Path(node[key]).expanduser().resolve())
    data = read_data(cfg)
    cfg.dataset.peak, cfg.dataset.intensity_scale = data.peak, data.intensity_scale
    OmegaConf.resolve(cfg)
    check_stages(cfg)
    known = identity(cfg, data.identity())
    if not cfg.again and (finished := find_finished(known, Path(cfg.runs_dir))):
        raise AlreadyTrainedError(finished)
    about = {"name": data.name, "subset": data.subset, "sha256": data.identity()}
    folder.create(cfg, overrides, {"data": about, "identity": known})
    return cfg, data


def prepare_resumed(
    cfg: DictConfig, folder: RunFolder, overrides: Sequence[str]
) -> tuple[DictConfig, VolumeDataModule]:
    """The recorded configuration of a run, with logger, callbacks and trainer of `cfg` if overridden; and its data.

    Raises:
        AiwaveError: If the folder holds no run, its data is gone, or anything else was overridden.
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
    torch_device(recorded.trainer.accelerator)
    check_processes(recorded, overrides)
    return recorded, read_data(recorded)


def read_data(cfg: DictConfig) -> VolumeDataModule:
    """The data module, set up for training; if the run will be evaluated, reading a test volume is tried.

    Raises:
        AiwaveError: If the volumes cannot be read.
    """
    data: VolumeDataModule = instantiate(cfg.dataset)
    data.setup("fit")
    if cfg.evaluate:
        volume = next(iter(data.test_volumes()))
        data.check_depth(volume.file, volume.voxels.dtype)
    return data


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
                f"Stage {stage.name} freezes the entropy model, which nothing has trained: give init_from=CHECKPOINT."
            )
        components = [child for name, child in codec.named_children() if name not in stage.freeze]
        if not any(parameter.requires_grad for child in components for parameter in child.parameters()):
            raise AiwaveError(
                f"Stage {stage.name} has nothing to train: its components are frozen or have no parameters; shorten "
                "its freeze list or leave it out of schedule.order."
            )
