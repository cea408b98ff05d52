"""A trained codec as a model file."""

from copy import deepcopy

import numpy as np
import torch
from torch import nn

from ..coding.float_modules import post_part, transform_part
from ..coding.model_parts import model_to_arrays
from ..coding.to_integer.entropy_from_float import integer_model
from ..coding.to_integer.lifting_from_float import integer_transform
from ..coding.to_integer.voxels_from_float import integer_voxels
from ..errors import AiwaveError
from ..models.codec import WaveletCodec
from ..models.entropy.voxels import VoxelEntropy
from ..models.post import NoPost
from ..models.quantisation.rate import FixedRate, Rate, VariableRate
from ..models.transform.wavelet_transform import WaveletTransform
from .description import Description
from .model_file import pack

FLAT = 128.0


def model_file(codec: WaveletCodec, name: str, lossless: bool | None = None) -> bytes:
    """A trained codec, on any device, as the bytes of a model file, lossless if it is or `lossless` is set.

    Raises AiwaveError if files cannot be written with it.
    """
    codec = deepcopy(codec).cpu()
    if codec.rate.log_factor is not None:
        raise AiwaveError("Codecs with a step for every band cannot write files: train with rate.per_band=false.")
    if isinstance(codec.entropy, VoxelEntropy):
        return _voxel_model_file(codec.entropy, name)
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
    return _packed(description, arrays)


def _voxel_model_file(model: VoxelEntropy, name: str) -> bytes:
    """A voxel model, whose only transform is that of its previews."""
    try:
        integers = integer_voxels(model)
    except ValueError as error:
        raise AiwaveError(f"This entropy model cannot write files: {error}.") from error
    entropy, tables = model_to_arrays(integers)
    description = Description(
        name=name,
        transform=transform_part(WaveletTransform("cdf53", integers.levels)),
        post=post_part(NoPost()),
        step_range=(1.0, 1.0),
        gain=1.0,
        entropy=entropy,  # type: ignore[arg-type]
        reversible=None,
    )
    return _packed(description, {f"entropy.{key}": array for key, array in tables.items()})


def _packed(description: Description, arrays: dict[str, np.ndarray]) -> bytes:
    """A model file, whose description is checked as it is when it is read."""
    return pack(Description.of(description.plain()).plain(), arrays)


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
