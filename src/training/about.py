"""Summary of a configuration in a few words."""

from omegaconf import DictConfig


def about(cfg: DictConfig) -> dict[str, str]:
    """Data set, transform, entropy model and rate of a configuration."""
    transform = cfg.transform
    kind = transform.wavelet if transform.net is None else "affine" if transform.scale is not None else "additive"
    return {
        "dataset": cfg.dataset.name,
        "transform": kind,
        "entropy": cfg.entropy["_target_"].rpartition(".")[2],
        "rate": "variable" if cfg.lmbda is None else f"lambda {cfg.lmbda:g}",
    }


def run_tags(cfg: DictConfig) -> list[str]:
    """Tags of every tracked run of a configuration: data set, transform, entropy model and, if fixed, lambda."""
    words = about(cfg)
    return [
        words["dataset"],
        words["transform"],
        words["entropy"],
        *([] if cfg.lmbda is None else [f"lmbda={cfg.lmbda:g}"]),
    ]
