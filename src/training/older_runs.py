"""Recorded configurations of earlier versions of this program."""

from typing import Any

from omegaconf import DictConfig, OmegaConf

COSINE = {"_target_": "aiwave.training.CosineDecay", "warmup": 0.05}
RUN: dict[str, Any] = {"lr_schedule": COSINE, "epochs": None, "ema": None, "runs_dir": "runs", "again": False}
TRAINER: dict[str, Any] = {
    "accumulate_grad_batches": 1,
    "compile": False,
    "profile": False,
    "num_nodes": 1,
    "strategy": "auto",
}
STAGE: dict[str, Any] = {"lr_schedule": COSINE, "ema": None}


def completed(cfg: DictConfig) -> DictConfig:
    """`cfg` with the options that its version did not have, set to what it did; nothing else is changed.

    What is no configuration of a run is left to whoever checks it.
    """
    known = [cfg.get("stage"), *((cfg.get("schedule") or {}).get("stages") or {}).values()]
    for node, options in ((cfg, RUN), (cfg.get("trainer"), TRAINER), *((stage, STAGE) for stage in known)):
        if isinstance(node, DictConfig):
            for key in options.keys() - node.keys():
                node[key] = OmegaConf.create(options[key]) if isinstance(options[key], dict) else options[key]
    return cfg
