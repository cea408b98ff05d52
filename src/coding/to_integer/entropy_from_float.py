"""Conversion of a trained entropy model to its integer twin."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import AiwaveError
from ...models.bands import DETAILS
from ...models.conv import CausalConv3d, Conv3d
from ...models.entropy.band_layers import Oriented, OrientedSiblings
from ...models.entropy.base import EntropyModel
from ...models.entropy.context import ContextEntropy
from ...models.entropy.density import Density, Laplace, LogisticMixture
from ...models.entropy.factorized import FactorizedEntropy
from ...models.subbands import coded_before
from ..constants import CENTRE, EMBEDDING_FRACTION, PARAMETER_FRACTION, PREDICTOR_FRACTION, SQUASH_FRACTION
from ..exact_tables import SQUASH_LIMIT
from ..integer_context import IntegerContext
from ..integer_density import IntegerDensity
from ..integer_factorized import BITS, FRACTION, LIMIT, IntegerFactorized
from ..integer_layer import IntegerLayer
from .rounded_layer import quantised_layer


def integer_density(density: Density) -> IntegerDensity:
    """The integer form of a density. Raises ValueError if it has none."""
    if isinstance(density, LogisticMixture):
        return IntegerDensity("logistic", density.size // 3)
    if isinstance(density, Laplace):
        return IntegerDensity("laplace", 1)
    raise ValueError(f"{type(density).__name__} has no integer form: choose LogisticMixture or Laplace")


def integer_factorized(model: FactorizedEntropy) -> IntegerFactorized:
    """Round a trained model. Raises ValueError where a weight is too large or a density has no integer form."""
    linear = [module for module in model.body.modules() if isinstance(module, nn.Linear)]
    layers = {
        f"layer{index}": quantised_layer(layer.weight, layer.bias, (FRACTION, FRACTION), LIMIT, BITS)
        for index, layer in enumerate([*linear, model.head])
    }
    embedding, band_head = (_fixed(part.weight, FRACTION) for part in (model.embedding, model.band_head))
    levels = (model.bands - 1) // DETAILS
    return IntegerFactorized(levels, integer_density(model.density), layers, embedding, band_head)


@dataclass(frozen=True)
class Precision:
    """Most and fewest bits per weight (see `quantised_layer`), bits and fractional bits of activations.

    Activations are non-negative, and clamped to `limit`. With 11 bits those at fine steps were clamped, which cost 0.6
    to 1.4 % more bits; with 13 many weights would need fewer bits to keep sums exact.
    """

    weight: tuple[int, int] = (8, 5)
    activation: int = 12
    fraction: int = 5

    @property
    def limit(self) -> int:
        """The largest activation."""
        return 2**self.activation - 1


def integer_context(model: ContextEntropy, precision: Precision | None = None) -> IntegerContext:
    """Round a trained model. Raises ValueError where a weight is too large or a density has no integer form."""
    precision = precision or Precision()
    prediction = model.prediction
    return IntegerContext(
        levels=model.levels,
        limit=precision.limit,
        fraction=precision.fraction,
        density=integer_density(model.density),
        layers=_rounded_layers(model, precision),
        band=_fixed(model.band.weight, EMBEDDING_FRACTION),
        band_step=_fixed(model.band_step.weight, EMBEDDING_FRACTION),
        band_head=_fixed(model.band_head.weight, EMBEDDING_FRACTION),
        second_head=None if model.second_head is None else _fixed(model.second_head.weight, EMBEDDING_FRACTION),
        second_mix=None if model.second_mix is None else _fixed(model.second_mix.weight, EMBEDDING_FRACTION),
        prediction=None if prediction is None else _fixed(_causal(prediction.table.weight), PREDICTOR_FRACTION),
        sections=1 if model.sections else None,
        cross=None if model.cross is None else _fixed(_before(model.cross.siblings.weight), PREDICTOR_FRACTION),
        cross_coarse=None if model.cross is None else _fixed(model.cross.coarse.weight.flatten(1), PREDICTOR_FRACTION),
        trellis=model.states if model.dependent else None,
        magnitudes=1 if model.magnitudes else None,
    )


def _rounded_layers(model: ContextEntropy, precision: Precision) -> dict[str, IntegerLayer]:
    """The rounded layers of a network, by name. Raises ValueError where a weight is too large."""
    inner = (precision.fraction, precision.fraction)
    entry = (SQUASH_FRACTION, precision.fraction)
    layers: dict[str, IntegerLayer] = {}

    def add(name: str, weight: Tensor, bias: Tensor | None, fractions: tuple[int, int], limit: int) -> None:
        layers[name] = quantised_layer(weight, bias, fractions, limit, precision.weight)

    if model.coarse is not None and model.siblings is not None:
        first, last = cast(Conv3d, model.coarse[0]), cast(Conv3d, model.coarse[2])
        # the second input is scaled by a quarter
        weight = first.weight * torch.tensor([1.0, 0.25]).view(1, 2, 1, 1, 1)
        add("coarse0", _tap_major(weight), first.bias, entry, SQUASH_LIMIT)
        add("coarse1", _tap_major(last.weight), last.bias, inner, precision.limit)
        for name, weight, bias in _layers_of("siblings", model.siblings):
            add(name, weight.flatten(1), bias, entry, SQUASH_LIMIT)
    if model.own is not None:
        for name, weight, bias in _layers_of("own", model.own):
            add(name, _tap_major(weight)[:, : CENTRE * weight.shape[1]], bias, entry, SQUASH_LIMIT)
    for index, block in enumerate(cast(Iterable[CausalConv3d], model.blocks)):
        taps = (CENTRE + 1) * model.channels
        add(f"block{index}", _tap_major(block.weight)[:, :taps], block.bias, inner, precision.limit)
    out = (precision.fraction, PARAMETER_FRACTION)
    deeper = () if model.deeper is None else (("widen", model.deeper[1], inner), ("narrow", model.deeper[3], inner))
    for part, module, fractions in (*deeper, ("mix", model.mix, inner), ("head", model.head, out)):
        for name, weight, bias in _layers_of(part, module):
            add(name, weight.flatten(1), bias, fractions, precision.limit)
    return layers


def _layers_of(name: str, layer: nn.Module) -> Iterator[tuple[str, Tensor, Tensor | None]]:
    """Name, weight (N, K, kz, ky, kx) and bias (N,) of a layer, or of each band's if it is oriented.

    `siblings.k` has inputs only for the k bands coded before; `siblings.0` has one, LLL, with zero weights.
    """
    if not isinstance(layer, Oriented):
        yield name, cast(Tensor, layer.weight), cast(Tensor | None, layer.bias)
        return
    for letters, (weight, bias) in enumerate(zip(layer.weight * layer.mask, layer.bias, strict=True)):
        seen = max(letters, 1) if isinstance(layer, OrientedSiblings) else weight.shape[1]
        yield f"{name}.{letters}", weight[:, :seen], bias


def _tap_major(weight: Tensor) -> Tensor:
    """A conv's weight (N, C, kz, ky, kx) -> (N, taps * C), the taps in raster order."""
    return weight.flatten(2).transpose(1, 2).flatten(1)


def _causal(kernels: Tensor) -> Tensor:
    """Kernels (bands, 1, 2, 3, 3) -> their taps before the centre, (bands, 13)."""
    return kernels.flatten(1)[:, :CENTRE]


def _before(kernels: Tensor) -> Tensor:
    """Filters (bands, 8, 3, 3, 3), the bands of a level by place -> (bands, 8, 27), zero for bands not yet coded."""
    count = kernels.shape[1]
    before = coded_before(count, kernels).repeat(len(kernels) // count, 1)
    return kernels.flatten(2) * before.unsqueeze(2)


def _fixed(values: Tensor, fraction: int) -> np.ndarray:
    """Values in units of 2**-`fraction`, int64."""
    return torch.round(values.detach().cpu().double() * 2**fraction).long().numpy()


def integer_model(model: EntropyModel) -> IntegerContext | IntegerFactorized:
    """Round a trained entropy model. Raises AiwaveError if it has no integer form."""
    try:
        if isinstance(model, ContextEntropy):
            return integer_context(model)
        if isinstance(model, FactorizedEntropy):
            return integer_factorized(model)
    except ValueError as error:
        raise AiwaveError(f"This entropy model cannot write files: {error}.") from error
    raise AiwaveError(
        f"Models of kind {model.kind} cannot write files: train with entropy=context_shared, factorized or voxels."
    )
