"""From a command's configuration to a run that can start: checked, completed with the data's facts, recorded."""

from collections.abc import Sequence
from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from ..datamodules import VolumeDataModule
from ..schema import TrainConfig, validate
from .build import plan
from .run_folder import RunFolder


def prepare_new(cfg: DictConfig, folder: RunFolder, overrides: Sequence[str]) -> tuple[DictConfig, VolumeDataModule]:
    """Check configuration and data, and record a new run in `folder`.

    Returns the configuration with every value resolved, the data's peak and intensity scale included, and the data.

    Raises:
        AiwaveError: If anything cannot be used; nothing is written then.
    """
    validate(cfg, TrainConfig)
    plan(cfg)
    cfg = cfg.copy()
    OmegaConf.set_struct(cfg, False)
    for key, node in (("root", cfg.dataset), ("init_from", cfg)):
        if node[key] is not None:
            node[key] = str(Path(node[key]).expanduser().resolve())
    datamodule = read_data(cfg)
    cfg.dataset.peak, cfg.dataset.intensity_scale = datamodule.peak, datamodule.intensity_scale
    OmegaConf.resolve(cfg)
    folder.create(cfg, overrides)
    return cfg, datamodule


def prepare_resumed(folder: RunFolder) -> tuple[DictConfig, VolumeDataModule]:
    """The recorded configuration of a run, and its data.

    Raises:
        AiwaveError: If the folder holds no run, or its data has gone.
    """
    cfg = folder.read_config()
    validate(cfg, TrainConfig)
    return cfg, read_data(cfg)


def read_data(cfg: DictConfig) -> VolumeDataModule:
    """The data module with its training volumes read. Raises AiwaveError if they cannot be."""
    datamodule: VolumeDataModule = instantiate(cfg.dataset)
    datamodule.setup("fit")
    return datamodule
