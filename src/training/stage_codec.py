"""The codec of a stage: built from the configuration, and loaded with the weights of a checkpoint."""

from pathlib import Path

import torch
from omegaconf import DictConfig
from torch import Tensor

from ..bitstream.from_codec import model_file
from ..config.building import build
from ..config.command_schemas import TrainConfig
from ..config.model_schema import Entropy, Post, Rate, Rounding, Transform
from ..config.plan import plan, stage_rounding, stage_transform
from ..config.validation import validate
from ..errors import AiwaveError
from ..models.bands import BAND_LETTERS
from ..models.codec import WaveletCodec
from ..models.post import NoPost
from ..runs.run_folder import RunFolder, last_finished
from .checkpoints import read_checkpoint

PREFIX = "codec."


def load_weights(codec: WaveletCodec, path: Path) -> None:
    """Load a checkpoint's weights into `codec`.

    The networks of the lifting steps, or only their scale heads, may be missing from the checkpoint: a plain wavelet
    initialises an additive transform, an additive transform an affine one. The missing parts start as the identity, so
    the codec computes what the checkpoint's did. So do the deeper layers of an oriented context model, whose bands each
    inherit the weights they shared in the checkpoint, and the parameters of dependent quantisation's second quantiser.

    The weights of a filter are dropped if the model has none, so that training can continue without it.

    Raises:
        AiwaveError: If the checkpoint is unreadable or the shapes differ; names the first such parameter.
    """
    own = codec.state_dict()
    stored = {name: _for_all_bands(name, value, own.get(name)) for name, value in codec_weights(path).items()}
    if isinstance(codec.post, NoPost):
        stored = {name: value for name, value in stored.items() if not name.startswith("post.")}
    unexpected = [name for name in stored if name not in own]
    missing = [name for name in own if name not in stored and not _starts_as_identity(name, stored)]
    reshaped = [name for name in stored if name in own and stored[name].shape != own[name].shape]
    for names, problem in (
        (unexpected, "it holds {}, which this model does not have"),
        (missing, "it lacks {}"),
        (reshaped, "{} has another shape"),
    ):
        if names:
            raise AiwaveError(
                f"{path} does not fit this model: {problem.format(names[0])} ({len(names)} such parameters); "
                "use the transform, rate, entropy, post and model options it was trained with."
            )
    codec.load_state_dict(stored, strict=False)


def _starts_as_identity(name: str, stored: dict[str, Tensor]) -> bool:
    net, is_net, rest = name.partition(".net.")
    if name.startswith(("entropy.second_head.", "entropy.second_mix.", "entropy.deeper.")):
        return True
    return bool(is_net) and (
        rest.startswith("scale_head.") or not any(other.startswith(net + ".net.") for other in stored)
    )


def _for_all_bands(name: str, value: Tensor, like: Tensor | None) -> Tensor:
    """A weight shared by a level's bands, repeated if the model has one per band; any other unchanged."""
    if like is not None and name.startswith("entropy.") and like.shape == (len(BAND_LETTERS), *value.shape):
        return value.expand_as(like).clone()
    return value


def codec_weights(path: Path) -> dict[str, Tensor]:
    """The codec's parameters in a checkpoint, by name. Raises AiwaveError if it is unreadable."""
    state = read_checkpoint(path)["state_dict"]
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise AiwaveError(f"{path} holds no model weights: give a checkpoint written by `aiwave train`.")
    return {name.removeprefix(PREFIX): value for name, value in state.items() if name.startswith(PREFIX)}


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
    folder = RunFolder(path if path.is_dir() else path.absolute().parent.parent.parent)
    cfg = folder.read_config()
    validate(cfg, TrainConfig, folder.config_path)
    if path.is_dir():
        codec = trained_codec(cfg, folder, last_finished(cfg, folder, after))
    else:
        codec = checkpoint_codec(cfg, path)
    return model_file(codec, name or str(cfg.name), lossless)
