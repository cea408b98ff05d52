"""The weights that training starts from: those of a checkpoint, or of a model that codes files."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..bitstream.model import Model
from ..coding.constants import TAP_FRACTION
from ..coding.float_modules import transform_part
from ..coding.to_float import float_weights
from ..errors import AiwaveError
from ..models.codec import WaveletCodec
from ..models.post import NoPost
from ..pretrained.card import is_name
from ..pretrained.choice import shipped_model
from ..system import user_path
from .checkpoints import read_checkpoint
from .inheritance import inherited

PREFIX = "codec."

MODEL_FILE = ".aiwm"


def starting_point(given: str) -> str:
    """Resolve `init_from`: the name of a ready-made model, unchanged, or the absolute path of a file."""
    return given if is_name(given) else str(user_path(given).resolve())


def load_weights(codec: WaveletCodec, path: Path) -> None:
    """Load the weights of a checkpoint, a model file or a ready-made model, by its name, into `codec`.

    The networks of the lifting steps, or only their scale heads, may be missing: a plain wavelet initialises an
    additive transform, an additive transform an affine one. The missing parts start as the identity, so the codec
    computes what the given one did. So do the deeper layers of an oriented context model, whose bands each inherit the
    weights they shared, and the parameters of dependent quantisation's second quantiser. A context model may have more
    channels and blocks, and several lifting schemes for the only one (see `inherited`).

    The weights of a filter are dropped if the model has none, so that training can continue without it.

    Raises:
        AiwaveError: If the file is unreadable or the shapes differ; names the first such parameter. If a model's
            networks of lifting steps compute something else with the same weights.
    """
    own, model = codec.state_dict(), _model_at(path)
    weights = codec_weights(path) if model is None else _model_weights(model)
    stored = inherited(weights, own)
    if isinstance(codec.post, NoPost):
        stored = {name: value for name, value in stored.items() if not name.startswith("post.")}
    unexpected = [name for name in stored if name not in own]
    missing = [name for name in own if name not in stored and not _may_be_missing(name, stored)]
    reshaped = [name for name in stored if name in own and stored[name].shape != own[name].shape]
    for names, problem in (
        (unexpected, "it holds {}, which this model does not have"),
        (missing, "it lacks {}"),
        (reshaped, "{} has another shape"),
    ):
        if names:
            raise AiwaveError(
                f"{path} does not fit this model: {problem.format(names[0])}{_others(len(names) - 1)}; "
                "use the transform, rate, entropy, post and model options it was trained with."
            )
    if model is not None:
        _check_lifting(codec, model, path)
    codec.load_state_dict(stored, strict=False)


def _others(count: int) -> str:
    return f" (and {count} other parameter{'s' * (count > 1)})" if count else ""


def codec_weights(path: Path) -> dict[str, Tensor]:
    """The codec's parameters in a checkpoint or a model, by name. Raises AiwaveError if it is unreadable."""
    model = _model_at(path)
    if model is not None:
        return _model_weights(model)
    state = read_checkpoint(path)["state_dict"]
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise AiwaveError(f"{path} holds no model weights: give a checkpoint written by `aiwave train`.")
    return {name.removeprefix(PREFIX): value for name, value in state.items() if name.startswith(PREFIX)}


def _model_at(path: Path) -> Model | None:
    """The model that a path or a name stands for; None for a checkpoint."""
    if is_name(str(path)):
        return shipped_model(path.name)
    return Model.from_file(path) if path.suffix == MODEL_FILE else None


def _check_lifting(codec: WaveletCodec, model: Model, path: Path) -> None:
    """Raise AiwaveError if the same weights mean something else in the codec's networks than in those of a model."""
    given = model.description.transform.net
    own = None if given is None else transform_part(codec.transform).net
    if given is None or own is None:
        return
    same = ["intensity_scale", "damping", "activation", "padding", "input_padding"]
    for name in same if None in (given.scale, own.scale) else [*same, "scale"]:
        if getattr(given, name) != getattr(own, name):
            raise AiwaveError(
                f"{path} does not fit this model: its lifting networks were trained with {name} "
                f"{getattr(given, name)}, not {getattr(own, name)}; set it to that."
            )


def _model_weights(model: Model) -> dict[str, Tensor]:
    """The float weights of a model, by the names of a codec's parameters.

    Raises AiwaveError for learned lossless lifting, of which a model has integers alone.
    """
    parameters = model.parameters
    if parameters.integers is not None and parameters.integers.layers:
        raise AiwaveError(f"The lifting of the model {model.name} has integers alone: start from its checkpoint.")
    found = {f"entropy.{name}": value for name, value in float_weights(parameters.entropy).items()}
    if parameters.integers is not None:
        taps = torch.from_numpy(parameters.integers.taps).float() / 2**TAP_FRACTION
        for k, n in np.ndindex(taps.shape[:2]):
            found[f"transform.schemes.{k}.steps.{n}.taps"] = taps[k, n]
    for part, weights in (("transform", parameters.transform_weights), ("post", parameters.post_weights)):
        found |= {f"{part}.{name}": torch.from_numpy(array.copy()) for name, array in weights.items()}
    return found


def _may_be_missing(name: str, stored: dict[str, Tensor]) -> bool:
    """True for parameters that start as the identity, and for constants that are the same in all models."""
    if name.startswith(("entropy.second_head.", "entropy.second_mix.", "entropy.deeper.", "entropy.synthesis.")):
        return True
    if name.endswith("_gain"):  # integer lifting has none
        return not any(other.endswith("_gain") for other in stored)
    net, is_net, rest = name.partition(".net.")
    return bool(is_net) and (
        rest.startswith("scale_head.") or not any(other.startswith(net + ".net.") for other in stored)
    )
