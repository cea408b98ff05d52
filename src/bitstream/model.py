"""A model that writes and reads files: exact entropy model, transform and filter, from one piece of bytes."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from ..coding import BandCoder, integer_model, model_from_bytes, model_identity, model_to_bytes
from ..errors import AiwaveError
from ..models import FixedRate, VariableRate, WaveletCodec, WaveletTransform
from .lossless import LosslessTransform, lossless_transform
from .parts import Description, PostPart, TransformPart, filled
from .sections import DAMAGED, pack, unpack

FLAT = 128.0


@dataclass(frozen=True, eq=False)
class Model:
    """What a stream needs besides itself. `data` is the model file; its SHA-256 is `identity`, in hexadecimal."""

    data: bytes
    identity: str
    description: Description
    coder: BandCoder
    transform: WaveletTransform
    post: nn.Module

    @property
    def name(self) -> str:
        """What it is called."""
        return self.description.name

    @property
    def levels(self) -> int:
        """Levels of the transform."""
        return self.description.transform.levels

    @cached_property
    def reversible(self) -> LosslessTransform:
        """The transform for lossless coding. Raises AiwaveError if there is none."""
        return lossless_transform(self.transform)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Model":
        """Read a model file. Raises AiwaveError if it is damaged or of another version."""
        meta, arrays = unpack(data)
        if meta.get("format") != 1:
            raise AiwaveError(f"The model has format {meta.get('format')!r}, this program reads 1: update the program.")
        try:
            description = Description.model_validate(meta)
            entropy = model_from_bytes(arrays.pop("entropy").tobytes())
        except (ValidationError, KeyError, ArithmeticError, AssertionError) as error:
            raise AiwaveError(DAMAGED.format("its description is not one")) from error
        if entropy.levels != description.transform.levels:
            raise AiwaveError(DAMAGED.format("its parts have different levels"))
        weights = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
        transform = filled(description.transform, _under("transform.", weights))
        post = filled(description.post, _under("post.", weights))
        if weights:
            raise AiwaveError(DAMAGED.format(f"it holds {min(weights)!r}, which belongs nowhere"))
        return cls(data, model_identity(data), description, BandCoder(entropy), transform, post)  # type: ignore[arg-type]


def model_file(codec: WaveletCodec, name: str) -> bytes:
    """A trained codec as the bytes of a model file. Raises AiwaveError if files cannot be written with it."""
    rate = codec.rate
    if rate.log_factor is not None:
        raise AiwaveError("Codecs with a step for every band cannot write files: train with rate.per_band=false.")
    if isinstance(rate, VariableRate):
        steps = rate.step_range
    elif isinstance(rate, FixedRate):
        steps = (float(rate.log_step.exp()),) * 2
    else:
        raise AiwaveError(f"Rates of kind {type(rate).__name__} cannot write files: train with rate=variable or fixed.")
    description = Description(
        format=1,
        name=name,
        transform=TransformPart.of(codec.transform),
        post=PostPart.of(codec.post),
        step_range=steps,
        gain=_gain(codec.transform),
    )
    entropy = np.frombuffer(model_to_bytes(integer_model(codec.entropy)), np.uint8)
    parts = {"transform": codec.transform, "post": codec.post}
    weights = {f"{part}.{key}": value for part, module in parts.items() for key, value in module.state_dict().items()}
    arrays = {key: value.detach().cpu().float().contiguous().numpy() for key, value in weights.items()}
    return pack(description.model_dump(mode="json"), {"entropy": entropy, **arrays})


@torch.no_grad()
def _gain(transform: WaveletTransform) -> float:
    """By how much each level multiplies the intensity of a flat volume."""
    side = 4 << transform.levels
    flat = torch.full((1, 1, side, side, side), FLAT).to(next(transform.parameters()))
    return float(transform(flat).approx.mean() / FLAT) ** (1 / transform.levels)


def _under(prefix: str, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Take the weights whose names begin so, by the rest of their names."""
    return {name.removeprefix(prefix): weights.pop(name) for name in list(weights) if name.startswith(prefix)}
