"""The float weights that a model's integers stand for: training continues from these."""

import numpy as np
import torch
from torch import Tensor

from ..models.bands import BANDS
from ..models.entropy.base import GAIN
from .constants import CENTRE, CUBE, EMBEDDING_FRACTION, PARAMETER_FRACTION, PREDICTOR_FRACTION, SQUASH_FRACTION
from .integer_context import IntegerContext
from .integer_factorized import FRACTION as FACTORIZED_FRACTION
from .integer_factorized import IntegerFactorized
from .integer_layer import IntegerLayer
from .integer_voxels import FRACTION as VOXEL_FRACTION
from .integer_voxels import IntegerVoxels
from .to_integer.voxels_from_float import INNER as VOXEL_INNER


def float_weights(model: IntegerContext | IntegerFactorized | IntegerVoxels) -> dict[str, Tensor]:
    """The parameters, float32, of the entropy model that `integer_model` or `integer_voxels` rounds to these integers.

    They are named as in its `state_dict`; filters that are no parameters, such as those of the plain wavelet, are left
    out.
    """
    if isinstance(model, IntegerContext):
        return _context(model)
    return _factorized(model) if isinstance(model, IntegerFactorized) else _voxels(model)


def _context(model: IntegerContext) -> dict[str, Tensor]:
    inner = (model.fraction, model.fraction)
    entry, out = (SQUASH_FRACTION, model.fraction), (model.fraction, PARAMETER_FRACTION)
    blocks = {f"block{k}": (f"blocks.{k}", inner) for k in range(len(model.blocks))}
    places = {
        "coarse0": ("coarse.0", entry),
        "coarse1": ("coarse.2", inner),
        "siblings": ("siblings", entry),
        "own": ("own", entry),
        **blocks,
        "widen": ("deeper.1", inner),
        "narrow": ("deeper.3", inner),
        "mix": ("mix", inner),
        "head": ("head", out),
    }
    found = dict[str, Tensor]()
    for part, (name, fractions) in places.items():
        if part in model.layers:
            weight, found[f"{name}.bias"] = _layer(model.layers[part], fractions)
            found[f"{name}.weight"] = _kernel(part, weight)
        elif f"{part}.0" in model.layers:
            each = [_layer(model.layers[f"{part}.{letters}"], fractions) for letters in range(BANDS)]
            found[f"{name}.weight"] = torch.stack([_kernel(part, weight) for weight, _ in each])
            found[f"{name}.bias"] = torch.stack([bias for _, bias in each])
    if "coarse.0.weight" in found:
        found["coarse.0.weight"] *= torch.tensor([1.0, 4.0]).view(1, 2, 1, 1, 1)  # its second input is a quarter
    tables = {
        "band": (model.band, EMBEDDING_FRACTION),
        "band_step": (model.band_step, EMBEDDING_FRACTION),
        "band_head": (model.band_head, EMBEDDING_FRACTION),
        "second_mix": (model.second_mix, EMBEDDING_FRACTION),
        "second_head": (model.second_head, EMBEDDING_FRACTION),
        "prediction.table": (model.prediction, PREDICTOR_FRACTION),
        "cross.siblings": (model.cross, PREDICTOR_FRACTION),
        "cross.coarse": (model.cross_coarse, PREDICTOR_FRACTION),
    }
    rows = {name: _scaled(table, unit) for name, (table, unit) in tables.items() if table is not None}
    if (prediction := rows.get("prediction.table")) is not None:
        rows["prediction.table"] = _cube(prediction.unsqueeze(1))
    for name in rows.keys() & {"cross.siblings", "cross.coarse"}:
        rows[name] = _cube(rows[name].view(len(rows[name]), -1, CUBE))
    return found | {f"{name}.scaled": (row / GAIN).float() for name, row in rows.items()}


def _kernel(part: str, weight: Tensor) -> Tensor:
    """The weight (N, K) of an integer layer in the order of its convolution: (N, C, kz, ky, kx)."""
    if part in ("widen", "narrow", "mix", "head"):
        return weight[:, :, None, None, None]
    if part == "siblings":  # by band, then tap; an oriented layer has inputs for the bands before alone
        by_band = weight.unflatten(1, (-1, CUBE))
        missing = by_band.new_zeros(len(weight), BANDS - by_band.shape[1], CUBE)
        return _cube(torch.cat((by_band, missing), dim=1))
    taps = CENTRE if part == "own" else CENTRE + 1 if part.startswith("block") else CUBE
    return _cube(weight.unflatten(1, (taps, -1)).transpose(1, 2))


def _cube(taps: Tensor) -> Tensor:
    """Taps (..., n) in raster order -> (..., 3, 3, 3), or (..., 2, 3, 3) of causal ones, with zeros beyond the last."""
    depth = 3 if taps.shape[-1] == CUBE else 2
    whole = taps.new_zeros(*taps.shape[:-1], 9 * depth)
    whole[..., : taps.shape[-1]] = taps
    return whole.unflatten(-1, (depth, 3, 3))


def _factorized(model: IntegerFactorized) -> dict[str, Tensor]:
    last = len(model.layers) - 1
    found = dict[str, Tensor]()
    for k, layer in enumerate(model.layers.values()):
        name = "head" if k == last else f"body.{k}.1" if k else "body.0"
        found[f"{name}.weight"], found[f"{name}.bias"] = _layer(layer, (FACTORIZED_FRACTION, FACTORIZED_FRACTION))
    for name in ("embedding", "band_head"):
        found[f"{name}.scaled"] = (_scaled(getattr(model, name), FACTORIZED_FRACTION) / GAIN).float()
    return found


def _voxels(model: IntegerVoxels) -> dict[str, Tensor]:
    found = dict[str, Tensor]()
    for name, layer in model.layers.items():
        first = VOXEL_FRACTION if name in ("hidden0", "skip") else VOXEL_INNER
        last = PARAMETER_FRACTION if name in ("head", "skip") else VOXEL_INNER
        place = name.replace("hidden", "hidden.")
        found[f"{place}.weight"], found[f"{place}.bias"] = _layer(layer, (first, last))
    del found["skip.bias"]
    return found


def _layer(layer: IntegerLayer, fractions: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The weight (N, K) and bias (N,), float32, that `quantised_layer` rounds to this layer."""
    exponent = layer.shift - fractions[0] + fractions[1]
    half = np.where(layer.shift > 0, 1 << np.maximum(layer.shift - 1, 0), 0)
    weight = np.ldexp(layer.weight.T.astype(np.float64), -exponent[:, None].astype(np.int32))
    bias = np.ldexp((layer.bias - half).astype(np.float64), -(exponent + fractions[0]).astype(np.int32))
    return torch.from_numpy(weight).float(), torch.from_numpy(bias).float()


def _scaled(table: np.ndarray, fraction: int) -> Tensor:
    return torch.from_numpy(table).double() / 2**fraction
