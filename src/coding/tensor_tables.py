"""The exact tables as tensors, for the reference."""

from functools import cache

import torch
from torch import Tensor

from . import exact_tables
from .exact_tables import LOG2_BITS, LOG2_FRACTION, PROBABILITY_BITS, log2_table


def looked_up(table: Tensor, index: Tensor) -> Tensor:
    """`table[index]`, but faster, for a table (n,) and int32 or int64 indices of any shape."""
    return table.index_select(0, index.flatten()).view(index.shape)


@cache
def asinh_thresholds(unit: int) -> Tensor:
    """See `exact_tables.asinh_thresholds`."""
    return torch.from_numpy(exact_tables.asinh_thresholds(unit))


@cache
def tanh_table(fraction: int, output: int, limit: int) -> Tensor:
    """See `exact_tables.tanh_table`."""
    return torch.from_numpy(exact_tables.tanh_table(fraction, output, limit))


@cache
def softmax_weights() -> Tensor:
    """See `exact_tables.softmax_weights`."""
    return torch.from_numpy(exact_tables.softmax_weights())


@cache
def scale_tables() -> tuple[Tensor, Tensor, Tensor]:
    """See `exact_tables.scale_tables`."""
    mantissa, shift, scale = (torch.from_numpy(table) for table in exact_tables.scale_tables())
    return mantissa, shift, scale


@cache
def inverse_scales() -> Tensor:
    """See `exact_tables.inverse_scales`."""
    return torch.from_numpy(exact_tables.inverse_scales())


@cache
def cdf(family: str) -> Tensor:
    """The cumulative density of a family; see `exact_tables.logistic_cdf`."""
    return torch.from_numpy(exact_tables.CDF[family]())


@cache
def bin_cdf(family: str) -> Tensor:
    """See `exact_tables.bin_cdf`."""
    return torch.from_numpy(exact_tables.bin_cdf(family))


def bits_of(probability: Tensor) -> Tensor:
    """Bits of symbols of a probability in units of 2**-38, int64 from 1 to 2**38 -> float32, good to 2**-11 bits.

    Integers alone make them, so that an encoder's choice is the same on every machine.
    """
    exponent = torch.frexp(probability.double())[1].long() - 1
    mantissa = (probability << (PROBABILITY_BITS - exponent)) - (1 << PROBABILITY_BITS)
    fraction = looked_up(torch.from_numpy(log2_table()), mantissa >> (PROBABILITY_BITS - LOG2_BITS))
    return (((PROBABILITY_BITS - exponent) << LOG2_FRACTION) - fraction).float() / 2**LOG2_FRACTION
