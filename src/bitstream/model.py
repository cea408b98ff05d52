"""A model that writes and reads streams: exact entropy model, transform and post-filter, from a model file."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeVar

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from ..coding.band_coder import BandCoder
from ..coding.float_modules import post_module, post_part, transform_module, transform_part
from ..coding.integer_context import IntegerContext
from ..coding.integer_reversible import IntegerReversible
from ..coding.model_parts import model_from_arrays, model_to_arrays
from ..coding.to_integer.entropy_from_float import integer_model
from ..coding.to_integer.lifting_from_float import integer_transform
from ..errors import AiwaveError
from ..models.codec import WaveletCodec
from ..models.post import NoPost
from ..models.quantisation.rate import FixedRate, Rate, VariableRate
from ..models.subbands import Subbands
from ..models.transform.layout import Boundary
from ..models.transform.wavelet_transform import ReversibleTransform, WaveletTransform
from .description import Description
from .model_file import DAMAGED, pack, unpack


class LosslessTransform(Protocol):
    """Integer-to-integer transform, the same on every machine.

    LLL of a flat volume equals its intensity, with networks approximately.
    """

    def forward(self, x: Tensor) -> Subbands:
        """(B, 1, D, H, W) integers as float64 -> subbands of integers, as float64 or int64."""

    def inverse(self, subbands: Subbands) -> Tensor:
        """Subbands, or only the coarsest levels -> integers (B, 1, D, H, W), as float64 or int64."""


def lossless_transform(transform: WaveletTransform) -> LosslessTransform:
    """The exact form of the transform of a lossy model. Raises AiwaveError if it has none."""
    if transform.kind != "cdf53" or any(p.boundary != Boundary.SYMMETRIC for p in _lifting_steps(transform)):
        other = (
            "train one with experiment=lossless, or take one with transform=cdf53"
            if transform.kind == "affine"
            else "export it with --lossless, or better train one with experiment=lossless"
        )
        raise AiwaveError(
            f"A lossy model with the transform {transform.kind} cannot code lossless files: {other}; "
            "or give a step, PSNR or rate."
        )
    exact = WaveletTransform("cdf53", transform.levels, transform.sharing)
    return ReversibleTransform(exact).to(torch.float64)


def _lifting_steps(transform: WaveletTransform) -> list:
    return [step for scheme in transform.schemes for step in scheme.lifting_steps()]  # type: ignore[operator, union-attr]


FLAT = 128.0

LEAST_GAIN, MOST_GAIN = 1e-6, 1e6
"""Gains of a wavelet are about 1; those of 0 cannot be undone."""

LEAST_WIDTH = 4
"""Channels that the transform of a volume takes as much memory as, without any network."""

TILE_BYTES, BATCH_BYTES = 24, 3
"""Bytes of memory per voxel and channel: measured at 21 to 24 and, with 32 channels of contexts, at 3."""

Item = TypeVar("Item")


@dataclass(frozen=True, eq=False)
class Model:
    """A model for coding streams. `data` is the model file, `identity` its SHA-256 in hexadecimal.

    Lossy models have `float_transform` and `post`, purely lossless models `integers`.
    """

    data: bytes
    identity: str
    description: Description
    coder: BandCoder
    float_transform: WaveletTransform | None
    post: nn.Module
    integers: IntegerReversible | None

    def __reduce__(self) -> tuple[Callable[[bytes], "Model"], tuple[bytes]]:
        """Pickle as the model file."""
        return Model.from_bytes, (self.data,)

    @property
    def name(self) -> str:
        """Display name."""
        return self.description.name

    @property
    def levels(self) -> int:
        """Levels of the transform."""
        return self.description.transform.levels

    @property
    def transform(self) -> WaveletTransform:
        """The transform for lossy coding. Raises AiwaveError if there is none."""
        if self.float_transform is None:
            raise AiwaveError(f"The model {self.name} codes only losslessly: ask for lossless, or take another model.")
        return self.float_transform

    @property
    def dependent(self) -> bool:
        """True if quantisation is dependent, so that coefficients count in half steps."""
        return self.coder.model.dependent

    @cached_property
    def reversible(self) -> LosslessTransform:
        """The transform for lossless coding. Raises AiwaveError if there is none."""
        if self.dependent:
            raise AiwaveError(f"The model {self.name} codes only lossily: give a step, PSNR or rate.")
        return lossless_transform(self.transform) if self.integers is None else self.integers

    def working_memory(self, tile: int, batch: int) -> int:
        """Bytes of memory, about, that decoding takes: transform and filter for a `tile` of so many voxels at a time,
        the entropy model for a `batch`.
        """
        net, post = self.description.transform.net, self.description.post
        inner = self.integers.width if self.integers else 0
        contexts = self.coder.parameters.channels if isinstance(self.coder.parameters, IntegerContext) else 0
        width = max(LEAST_WIDTH, 0 if net is None else net.channels, post.channels, inner)
        return max(TILE_BYTES * width * tile, BATCH_BYTES * contexts * max(batch, tile))

    @property
    def codes_losslessly(self) -> bool:
        """True if there is a transform for lossless coding."""
        try:
            return bool(self.reversible)
        except AiwaveError:
            return False

    @classmethod
    def from_bytes(cls, data: bytes) -> "Model":
        """Read a model file. Raises AiwaveError if it is damaged or of another version."""
        described, arrays = unpack(data)
        try:
            description = Description.model_validate(described)
        except (ValidationError, RecursionError) as error:
            raise AiwaveError(DAMAGED.format("its description is invalid")) from error
        entropy = model_from_arrays(description.entropy, _under("entropy.", arrays))
        integers = None
        if description.reversible is not None:
            integers = model_from_arrays(description.reversible, _under("reversible.", arrays))
        if integers is not None and getattr(entropy, "dependent", False):
            raise AiwaveError(DAMAGED.format("its parts are of the wrong kinds"))
        if any(part.levels != description.transform.levels for part in (entropy, integers) if part is not None):
            raise AiwaveError(DAMAGED.format("its parts have different levels"))
        _check_weights(arrays)
        transform = None if integers else transform_module(description.transform, _under("transform.", arrays))
        post = post_module(description.post, _under("post.", arrays))
        if arrays:
            raise AiwaveError(DAMAGED.format(f"it holds {min(arrays)!r}, which belongs nowhere"))
        identity = hashlib.sha256(data).hexdigest()
        return cls(data, identity, description, BandCoder(entropy), transform, post, integers)  # type: ignore[arg-type]


def model_file(codec: WaveletCodec, name: str, lossless: bool | None = None) -> bytes:
    """A trained codec as the bytes of a model file, lossless if the codec is lossless or `lossless` is set.

    Raises AiwaveError if files cannot be written with it.
    """
    if codec.rate.log_factor is not None:
        raise AiwaveError("Codecs with a step for every band cannot write files: train with rate.per_band=false.")
    lossless = codec.lossless or bool(lossless)
    if lossless and codec.entropy.dependent:
        raise AiwaveError("Codecs with dependent quantisation cannot code losslessly: train with experiment=lossless.")
    entropy, tables = model_to_arrays(integer_model(codec.entropy))
    arrays = {f"entropy.{key}": array for key, array in tables.items()}
    reversible = None
    if lossless:
        reversible, tables = model_to_arrays(integer_transform(codec.transform))
        arrays |= {f"reversible.{key}": array for key, array in tables.items()}
    else:
        arrays |= _weights(transform=codec.transform, post=codec.post)
    description = Description(
        name=name,
        transform=transform_part(codec.transform),
        post=post_part(NoPost() if lossless else codec.post),
        step_range=(1.0, 1.0) if lossless else _steps(codec.rate),
        gain=1.0 if lossless else _gain(codec.transform),
        entropy=entropy,  # type: ignore[arg-type]
        reversible=reversible,  # type: ignore[arg-type]
    )
    return pack(description.model_dump(mode="json"), arrays)


def _steps(rate: Rate) -> tuple[float, float]:
    """Range of the steps that a lossy codec was trained for. Raises AiwaveError for other rates."""
    if isinstance(rate, VariableRate):
        return rate.step_range
    if isinstance(rate, FixedRate):
        return (float(rate.log_step.exp()),) * 2
    raise AiwaveError(f"Rates of kind {type(rate).__name__} cannot write files: train with rate=variable or fixed.")


def _weights(**modules: nn.Module) -> dict[str, np.ndarray]:
    """Weights of modules in float32, by the names of modules and parameters."""
    weights = {f"{part}.{key}": value for part, module in modules.items() for key, value in module.state_dict().items()}
    return {key: value.detach().cpu().float().contiguous().numpy() for key, value in weights.items()}


@torch.no_grad()
def _gain(transform: WaveletTransform) -> float:
    """DC gain per level: the factor by which a level multiplies the intensity of a flat volume."""
    side = 4 << transform.levels
    flat = torch.full((1, 1, side, side, side), FLAT).to(next(transform.parameters()))
    return float(transform(flat).approx.mean() / FLAT) ** (1 / transform.levels)


def _check_weights(weights: Mapping[str, np.ndarray]) -> None:
    """Raise AiwaveError for weights that are not finite float32, and for gains that cannot be undone."""
    if any(array.dtype != np.float32 for array in weights.values()):
        raise AiwaveError(DAMAGED.format("it has weights that are not float32"))
    if not all(np.isfinite(array).all() for array in weights.values()):
        raise AiwaveError(DAMAGED.format("it has weights that are not finite"))
    gains = [np.abs(array) for name, array in weights.items() if name.endswith("_gain")]
    if not all(((gain > LEAST_GAIN) & (gain < MOST_GAIN)).all() for gain in gains):
        raise AiwaveError(DAMAGED.format("a gain of its transform is out of range"))


def _under(prefix: str, items: dict[str, Item]) -> dict[str, Item]:
    """Remove the items whose names begin with `prefix`, and return them by the rest of their names."""
    return {name.removeprefix(prefix): items.pop(name) for name in list(items) if name.startswith(prefix)}
