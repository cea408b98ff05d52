"""Transfer of weights, and nothing else, from one stage to the next."""

from pathlib import Path

from torch import Tensor

from ..errors import AiwaveError
from ..models.codec import WaveletCodec
from ..models.post import NoPost
from ..models.subbands import BAND_LETTERS
from .checkpoint_io import read_checkpoint

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
    return {name.removeprefix(PREFIX): value for name, value in state.items() if name.startswith(PREFIX)}
