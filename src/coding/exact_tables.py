"""Tables of exp, asinh and cumulative densities by integer arithmetic alone, hence the same on every machine."""

import math
from functools import cache

import numpy as np

from .constants import COEFFICIENT_LIMIT, PARAMETER_FRACTION, SQUASH_FRACTION, TOTAL_BITS

WORK = 160
"""Fractional bits of intermediate results."""

CDF_RANGE = 16
CDF_STEPS = 1024
"""A cumulative density is tabulated from -16 to 16, at 1024 points per unit."""

LOG_SCALE_MIN, LOG_SCALE_MAX = -6, 14
"""Scales are kept between exp(-6) and exp(14) quantisation steps."""

MANTISSA_BITS = 10
WEIGHT_DROP = 16
"""A mixture component whose logit is 16 below the largest has no weight."""


def exp_fixed(numerator: int, denominator: int) -> int:
    """exp(numerator / denominator) in units of 2**-WORK, rounded down after every operation (Taylor series)."""
    whole, rest = divmod(numerator, denominator)
    term = total = 1 << WORK
    for n in range(1, 60):
        term = term * rest // (denominator * n)
        total += term
    e = sum((1 << WORK) // factorial for factorial in _factorials(60))
    for _ in range(abs(whole)):
        total = total * e >> WORK if whole > 0 else (total << WORK) // e
    return total


def _factorials(count: int) -> list[int]:
    values = [1]
    for n in range(1, count):
        values.append(values[-1] * n)
    return values


def _geometric(first: int, ratio: int, count: int) -> list[int]:
    """`count` values first * ratio**i, in units of 2**-WORK."""
    values = [first]
    for _ in range(count - 1):
        values.append(values[-1] * ratio >> WORK)
    return values


def _rounded(value: int, bits: int) -> int:
    """Convert from units of 2**-WORK to units of 2**-bits, to the nearest."""
    return (value + (1 << (WORK - bits - 1))) >> (WORK - bits)


@cache
def logistic_cdf() -> np.ndarray:
    """1 / (1 + exp(-x)) in units of 2**-24, int64, at x = -16, -16 + 1/1024, ..., 16."""
    one = 1 << WORK
    tails = _geometric(one, exp_fixed(-1, CDF_STEPS), CDF_RANGE * CDF_STEPS + 1)
    return _symmetric([(one << WORK) // (one + tail) for tail in tails])


@cache
def laplace_cdf() -> np.ndarray:
    """exp(x) / 2 below zero and 1 - exp(-x) / 2 above, tabulated as `logistic_cdf`."""
    one = 1 << WORK
    tails = _geometric(one, exp_fixed(-1, CDF_STEPS), CDF_RANGE * CDF_STEPS + 1)
    return _symmetric([one - tail // 2 for tail in tails])


def _symmetric(upper: list[int]) -> np.ndarray:
    """F at x >= 0 -> F at all x: F(-x) = 1 - F(x), with 0 at the first point and 1 at the last."""
    half = [_rounded(value, TOTAL_BITS) for value in upper]
    total = 1 << TOTAL_BITS
    half[-1] = total
    return np.array([total - value for value in half[:0:-1]] + half, np.int64)


@cache
def asinh_thresholds(unit: int) -> np.ndarray:
    """The smallest integers x >= 0 at which asinh(x / unit) rounds to 1, 2, ..., in units of 2**-7; int64.

    The list ends where x / unit exceeds four times the limit of coefficients.
    """
    growth = exp_fixed(1, 1 << SQUASH_FRACTION)
    e = exp_fixed(1, 2 << SQUASH_FRACTION)
    values: list[int] = []
    while not values or values[-1] < 4 * COEFFICIENT_LIMIT * unit:
        inverse = (1 << 2 * WORK) // e
        values.append(-(-unit * (e - inverse) >> (WORK + 1)))
        e = e * growth >> WORK
    return np.array(values, np.int64)


@cache
def tanh_table(fraction: int, output: int, limit: int) -> np.ndarray:
    """tanh(x) in units of 2**-output at x = -limit, ..., limit, in units of 2**-fraction; float32 integers."""
    one = 1 << WORK
    tails = _geometric(one, exp_fixed(-2, 1 << fraction), (limit << fraction) + 1)
    half = [_rounded((one - tail << WORK) // (one + tail), output) for tail in tails]
    return np.array([-value for value in half[:0:-1]] + half, np.float32)


@cache
def softmax_weights() -> np.ndarray:
    """exp(-d) in units of 2**-16 for a distance d below the largest logit, in units of 2**-8; int64."""
    ratio = exp_fixed(-1, 1 << PARAMETER_FRACTION)
    values = _geometric(1 << WORK, ratio, WEIGHT_DROP << PARAMETER_FRACTION)
    return np.array([_rounded(value, 16) for value in values] + [0], np.int64)


@cache
def scale_tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mantissa and shift of 1 / scale, and scale in units of 2**-4, by log scale from LOG_SCALE_MIN in units of 2**-8.

    1 / scale = mantissa * 2**-shift with a mantissa of 10 bits; all int64.
    """
    count = (LOG_SCALE_MAX - LOG_SCALE_MIN << PARAMETER_FRACTION) + 1
    inverse = _geometric(exp_fixed(-LOG_SCALE_MIN, 1), exp_fixed(-1, 1 << PARAMETER_FRACTION), count)
    shifts = [WORK + MANTISSA_BITS - value.bit_length() for value in inverse]
    mantissas = [value >> (WORK - shift) for value, shift in zip(inverse, shifts, strict=True)]
    scales = [(16 << WORK) // value for value in inverse]
    return np.array(mantissas, np.int64), np.array(shifts, np.int64), np.array(scales, np.int64)


@cache
def inverse_scales() -> np.ndarray:
    """1 / scale by log scale, as in `scale_tables`: exact in float32."""
    mantissas, shifts, _ = scale_tables()
    return np.ldexp(mantissas.astype(np.float32), -shifts.astype(np.int32))


PROBABILITY_BITS = 38
"""Probabilities of coefficients count in units of 2**-38."""

LOG2_BITS, LOG2_FRACTION = 11, 16


@cache
def log2_table() -> np.ndarray:
    """log2(1 + m) at the middle of each of 2048 intervals, in units of 2**-16; int64."""
    middles = ((k + 0.5) / 2**LOG2_BITS for k in range(2**LOG2_BITS))
    return np.array([round(math.log2(1 + middle) * 2**LOG2_FRACTION) for middle in middles], np.int64)


CDF = {"logistic": logistic_cdf, "laplace": laplace_cdf}
"""Cumulative densities by family."""


@cache
def bin_cdf(family: str) -> np.ndarray:
    """The tabulated function at the midpoint of every interval of 1/512, in units of 2**-16; int32."""
    return (CDF[family]()[1::2] >> 8).astype(np.int32)


SQUASH_LIMIT = len(asinh_thresholds(1))
"""Largest asinh of a coefficient as a network input."""
