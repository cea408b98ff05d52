"""Tables of bits of the candidates of dependent quantisation before any look at the entropy model."""

import math
from functools import cache

import numpy as np

FRACTION = 12
"""Magnitudes count in units of 2**-12 steps."""

BITS_FRACTION = 16

MANTISSA = 6
"""Widths are rounded to 64 values per octave."""

LEAST_EXPONENT, EXPONENTS = 10, 27
"""Range of a width, five times the mean magnitude: 1/4 step, which is added to all, to 2**37 units."""


@cache
def rough_tables() -> tuple[np.ndarray, np.ndarray]:
    """Bits per quarter step from zero, by mantissa of the smallest width, and the bits of cells, by width and kind.

    Both int32 in units of 2**-16: (64,), and (widths, 4) for zero in the first quantiser and in the second, and for
    cells from zero on with half widths of 1/2 and 3/8.
    """
    means = [
        math.ldexp(1 + (m + 0.5) / 2**MANTISSA, exponent - FRACTION) / 5
        for exponent in range(LEAST_EXPONENT, LEAST_EXPONENT + EXPONENTS)
        for m in range(2**MANTISSA)
    ]
    per_width = [_fixed(0.25 / mean / math.log(2)) for mean in means[: 2**MANTISSA]]
    cells = [
        [*(_zero(half / mean) for half in (0.5, 0.25)), *(_other(half / mean) for half in (0.5, 0.375))]
        for mean in means
    ]
    return np.array(per_width, np.int32), np.array(cells, np.int32)


def _zero(reach: float) -> int:
    """Bits of a cell about zero, as far as `reach` times the mean magnitude to either side."""
    return _fixed(-math.log2(-math.expm1(-reach)))


def _other(reach: float) -> int:
    """Bits of a cell of twice the width `reach` that begins at zero."""
    return _fixed(-math.log2(-math.expm1(-2 * reach) / 2))


def _fixed(bits: float) -> int:
    return round(bits * 2**BITS_FRACTION)
