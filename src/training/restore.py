"""The trained codec of a run."""

from pathlib import Path

from omegaconf import DictConfig

from ..errors import AiwaveError
from ..models.codec import WaveletCodec
from ..runs.run_folder import RunFolder
from .build import build_codec, plan
from .weights import load_weights


def trained_codec(cfg: DictConfig, folder: RunFolder, stage_name: str) -> WaveletCodec:
    """Rebuild the codec of a finished stage (see `last_finished`) from the run's own configuration, to evaluate it.

    Raises:
        AiwaveError: If its checkpoint is missing or damaged.
    """
    codec = build_codec(cfg, next(stage for stage in plan(cfg) if stage.name == stage_name))
    load_weights(codec, folder.stage(stage_name) / f"{cfg.schedule.carry}.ckpt")
    return codec.eval()


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
