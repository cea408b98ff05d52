"""The codec of a run as it was trained."""

from omegaconf import DictConfig

from ..errors import AiwaveError
from ..models import WaveletCodec
from .build import build_codec, plan
from .run_folder import RunFolder
from .weights import load_weights


def trained_codec(cfg: DictConfig, folder: RunFolder, stage_name: str | None = None) -> WaveletCodec:
    """Rebuild a stage's codec from the run's own configuration, in evaluation mode.

    Without `stage_name`, that of the last stage that is finished.

    Raises:
        AiwaveError: If there is no such stage or it is not finished.
    """
    finished = [stage for stage in plan(cfg) if folder.is_finished(stage.name)]
    chosen = [stage for stage in finished if stage_name in (None, stage.name)]
    if not chosen:
        wanted = f"stage {stage_name!r}" if stage_name else "stage"
        names = ", ".join(stage.name for stage in finished) or "none"
        raise AiwaveError(f"{folder.path} has no finished {wanted}: finished are {names}.")
    codec = build_codec(cfg, chosen[-1])
    load_weights(codec, folder.stage(chosen[-1].name) / f"{cfg.schedule.carry}.ckpt")
    return codec.eval()
