"""The tables of `exact_arrays` as tensors, look-ups in them, and bits of probabilities."""

import math
from functools import cache

import torch
from torch import Tensor

from . import exact_arrays


def looked_up(table: Tensor, index: Tensor) -> Tensor:
    """`table[index]`, but faster, for a table (n,) and int32 or int64 indices of any shape."""
    return table.index_select(0, index.flatten()).view(index.shape)


@cache
def logistic_cdf() -> Tensor:
    """`exact_arrays.logistic_cdf` as a tensor."""
    return torch.from_numpy(exact_arrays.logistic_cdf())


@cache
def laplace_cdf() -> Tensor:
    """`exact_arrays.laplace_cdf` as a tensor."""
    return torch.from_numpy(exact_arrays.laplace_cdf())


@cache
def asinh_thresholds(unit: int) -> Tensor:
    """`exact_arrays.asinh_thresholds` as a tensor."""
    return torch.from_numpy(exact_arrays.asinh_thresholds(unit))


@cache
def tanh_table(fraction: int, output: int, limit: int) -> Tensor:
    """`exact_arrays.tanh_table` as a tensor of float32 integers."""
    return torch.from_numpy(exact_arrays.tanh_table(fraction, output, limit)).float()


@cache
def softmax_weights() -> Tensor:
    """`exact_arrays.softmax_weights` as a tensor."""
    return torch.from_numpy(exact_arrays.softmax_weights())


@cache
def scale_tables() -> tuple[Tensor, Tensor, Tensor]:
    """`exact_arrays.scale_tables` as tensors."""
    mantissas, shifts, scales = (torch.from_numpy(table) for table in exact_arrays.scale_tables())
    return mantissas, shifts, scales


@cache
def inverse_scales() -> Tensor:
    """1 / scale by log scale, as in `scale_tables`: exact in float32."""
    mantissas, shifts, _ = (part.tolist() for part in scale_tables())
    return torch.tensor([mantissa * 2.0**-shift for mantissa, shift in zip(mantissas, shifts, strict=True)])


PROBABILITY_BITS = 38
"""Probabilities of coefficients count in units of 2**-38."""

LOG2_BITS, LOG2_FRACTION = 11, 16


@cache
def _log2_table() -> Tensor:
    """log2(1 + m) at the middle of each of 2048 intervals, in units of 2**-16; int64."""
    middles = ((k + 0.5) / 2**LOG2_BITS for k in range(2**LOG2_BITS))
    return torch.tensor([round(math.log2(1 + middle) * 2**LOG2_FRACTION) for middle in middles])


def bits_of(probability: Tensor) -> Tensor:
    """Bits of symbols of a probability in units of 2**-38, int64 from 1 to 2**38 -> float32, good to 2**-11 bits.

    Integers alone make them, so that an encoder's choice is the same on every machine.
    """
    exponent = torch.frexp(probability.double())[1].long() - 1
    mantissa = (probability << (PROBABILITY_BITS - exponent)) - (1 << PROBABILITY_BITS)
    fraction = looked_up(_log2_table(), mantissa >> (PROBABILITY_BITS - LOG2_BITS))
    return (((PROBABILITY_BITS - exponent) << LOG2_FRACTION) - fraction).float() / 2**LOG2_FRACTION
