"""Construction of a stage's codec from the configuration."""

from typing import cast

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from ..errors import AiwaveError
from ..models.codec import WaveletCodec


def plan(cfg: DictConfig) -> list[DictConfig]:
    """The stages to run, in order: `cfg.stage` alone if given, else `cfg.schedule`; `cfg.epochs` overrides theirs.

    Raises:
        AiwaveError: If the order names a stage twice, or one that is not in the schedule.
    """
    epochs = {} if cfg.epochs is None else {"epochs": cfg.epochs}
    if cfg.get("stage") is not None:
        return [cast(DictConfig, OmegaConf.merge(cfg.stage, epochs))]
    known = cfg.schedule.stages
    if len(set(cfg.schedule.order)) < len(cfg.schedule.order):
        raise AiwaveError(
            "schedule.order names a stage twice: give the repeated stage its own name, as in "
            "+stage@schedule.stages.more=finetune schedule.order=[additive,affine,finetune,more]."
        )
    for name in cfg.schedule.order:
        if name not in known:
            raise AiwaveError(
                f"schedule.order names the stage {name!r}, which the schedule does not have: "
                f"allowed are {', '.join(known)}."
            )
    return [cast(DictConfig, OmegaConf.merge(known[name], {"name": name}, epochs)) for name in cfg.schedule.order]


def stage_transform(cfg: DictConfig, stage: DictConfig) -> DictConfig:
    """The run's transform with the stage's changes."""
    return cast(DictConfig, OmegaConf.merge(cfg.transform, stage.transform))


def stage_rounding(cfg: DictConfig, stage: DictConfig) -> DictConfig:
    """The run's rounding with the stage's changes."""
    return cast(DictConfig, OmegaConf.merge(cfg.rounding, stage.rounding))


def build_codec(cfg: DictConfig, stage: DictConfig) -> WaveletCodec:
    """The codec that a stage trains: the run's model with the stage's changes to transform and rounding.

    Raises:
        AiwaveError: If the options are incompatible.
    """
    own = {"transform": stage_transform(cfg, stage), "rounding": stage_rounding(cfg, stage)}
    parts = own | {name: cfg[name] for name in ("rate", "entropy", "post")}
    built = {name: instantiate(node) for name, node in parts.items()}
    try:
        codec = WaveletCodec(**built)
    except ValueError as error:
        raise AiwaveError(f"The options of the codec are incompatible: {error}.") from error
    # few-channel 3-D convolutions run up to twice as fast in this layout on CPUs
    return codec.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
