"""The meaning of a run's configuration: its stages in order, their own options, and its tags."""

from typing import cast

from omegaconf import DictConfig, OmegaConf

from ..errors import AiwaveError
from ..models.transform.layout import LearnedSteps, transform_kind


def plan(cfg: DictConfig) -> list[DictConfig]:
    """Stages to run, in order: only `cfg.stage` if given, else `cfg.schedule`; `cfg.epochs` overrides their epochs.

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


def about(cfg: DictConfig) -> dict[str, str]:
    """Data set, transform, entropy model and rate of a configuration."""
    return {
        "dataset": cfg.dataset.name,
        "transform": _kind(cfg.transform),
        "entropy": cfg.entropy["_target_"].rpartition(".")[2],
        "rate": "variable" if cfg.lmbda is None else f"lambda {cfg.lmbda:g}",
    }


def _kind(transform: DictConfig) -> str:
    if "wavelet" not in transform:
        return cast(str, transform["_target_"]).rpartition(".")[2].lower()
    learned = transform.get("learned", LearnedSteps.ALL)
    return transform_kind(transform.wavelet, transform.net is not None, transform.scale is not None, learned)


def run_tags(cfg: DictConfig) -> list[str]:
    """Tags of every tracked run of a configuration: data set, transform, entropy model and, if fixed, lambda."""
    words = about(cfg)
    return [
        words["dataset"],
        words["transform"],
        words["entropy"],
        *([] if cfg.lmbda is None else [f"lmbda={cfg.lmbda:g}"]),
    ]
