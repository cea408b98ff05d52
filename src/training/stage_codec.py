"""The codec of a stage, built from the configuration, and that of a run, with the weights of a checkpoint."""

from pathlib import Path

import torch
from omegaconf import DictConfig

from ..bitstream.from_codec import model_file
from ..config.building import build
from ..config.command_schemas import TrainConfig
from ..config.model_schema import Entropy, Post, Rate, Rounding, Transform
from ..config.plan import plan, stage_rounding, stage_transform
from ..config.validation import validate
from ..errors import AiwaveError
from ..models.codec import WaveletCodec
from ..runs.run_folder import RunFolder, last_finished
from .starting_weights import load_weights


def build_codec(cfg: DictConfig, stage: DictConfig) -> WaveletCodec:
    """The codec that a stage trains: the run's model with the stage's changes to transform and rounding.

    Raises:
        AiwaveError: If the options are incompatible.
    """
    built = {
        "transform": build(stage_transform(cfg, stage), Transform, "transform"),
        "rounding": build(stage_rounding(cfg, stage), Rounding, "rounding"),
        "rate": build(cfg.rate, Rate, "rate"),
        "entropy": build(cfg.entropy, Entropy, "entropy"),
        "post": build(cfg.post, Post, "post"),
    }
    try:
        codec = WaveletCodec(**built)
    except ValueError as error:
        raise AiwaveError(f"The options of the codec are incompatible: {error}.") from error
    # few-channel 3-D convolutions run up to twice as fast in this layout on CPUs
    return codec.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]


def trained_codec(cfg: DictConfig, folder: RunFolder, stage_name: str) -> WaveletCodec:
    """Rebuild the codec of a finished stage (see `last_finished`) from the run's own configuration, to evaluate it.

    Raises:
        AiwaveError: If its checkpoint is missing or damaged.
    """
    codec = build_codec(cfg, next(stage for stage in plan(cfg) if stage.name == stage_name))
    load_weights(codec, carried(cfg, folder, stage_name, folder.facts(stage_name)["ended_worse"]))
    return codec.eval()


def carried(cfg: DictConfig, folder: RunFolder, stage_name: str, ended_worse: bool) -> Path:
    """The checkpoint of a stage that is carried on: `cfg.schedule.carry`, or the best if it ended worse than it began.

    The best is at least as good as the weights that the stage was given.
    """
    return folder.stage(stage_name) / f"{'best' if ended_worse else cfg.schedule.carry}.ckpt"


def checkpoint_codec(cfg: DictConfig, path: Path) -> WaveletCodec:
    """The codec of a checkpoint RUN/stages/NAME/*.ckpt, from the run's configuration.

    Raises:
        AiwaveError: If the checkpoint is missing or damaged, or its folder is not one of the run's stages.
    """
    stage = next((stage for stage in plan(cfg) if stage.name == path.absolute().parent.name), None)
    if stage is None:
        raise AiwaveError(f"{path} does not lie in the folder of a stage of its run: give the run's folder.")
    codec = build_codec(cfg, stage)
    load_weights(codec, path)
    return codec.eval()


def run_model_file(
    path: Path, after: str | None = None, name: str | None = None, lossless: bool | None = None
) -> bytes:
    """The codec of a run's folder, or of a checkpoint in it, as the bytes of a model file (see `model_file`).

    It is that of the last stage that is finished, or of the stage `after`. Raises AiwaveError as `find_model` does.
    """
    if not path.exists():
        raise AiwaveError(f"{path} does not exist: give the folder of a run, or a checkpoint in it.")
    folder = RunFolder(path if path.is_dir() else path.absolute().parent.parent.parent)
    cfg = folder.read_config()
    validate(cfg, TrainConfig, folder.config_path)
    if path.is_dir():
        codec = trained_codec(cfg, folder, last_finished(cfg, folder, after))
    else:
        codec = checkpoint_codec(cfg, path)
    return model_file(codec, name or str(cfg.name), lossless)
