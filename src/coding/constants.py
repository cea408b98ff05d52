"""Fixed-point formats of the coding path: part of the bitstream's definition, so a change makes a new format."""

import math

TOTAL_BITS = 24
"""Frequencies sum to 2**24: the precision of the range coder, and of integers in float32."""

COEFFICIENT_LIMIT = 2**23 - 1
"""Largest magnitude of a coefficient that can be coded."""

LOG_STEP_FRACTION = 8
"""ln(step) is transmitted in units of 2**-8."""

LOG_STEP_LIMIT = 32 << LOG_STEP_FRACTION
"""Steps lie between exp(-32) and exp(32)."""

PREDICTION_FRACTION = 8
"""Predicted coefficients count in units of 2**-8."""

PARAMETER_FRACTION = 8
"""The density's parameters count in units of 2**-8."""

SQUASH_FRACTION = 7
"""asinh of a coefficient, as a network input, counts in units of 2**-7."""

APPROX_FRACTION = 6
"""The reconstruction of the coarser levels counts in units of 2**-6."""

PIECE = 4096
"""Positions per front in a band without context of its own."""

PREDICTOR_FRACTION = 12
"""Taps of linear predictions count in units of 2**-12."""

EMBEDDING_FRACTION = 12
"""Embeddings of bands count in units of 2**-12."""

FACTOR_FRACTION = 20
"""Factors of the 9/7 that reconstructs coarser levels count in units of 2**-20."""

TAP_FRACTION = 16
"""Taps of the lossless transform, and the increments of taps and network, count in units of 2**-16."""

TAP_LIMIT = 2**20
"""Largest magnitude of a tap, in those units."""

SKIP_LIMIT = 2**40
"""Largest magnitude of what a lifting network sees, in those units; beyond, it is clamped."""

INPUT_FRACTION, INPUT_RANGE = 14, 8
"""A lifting network's input, relative to the intensity scale: units of 2**-14, from -8 to 8."""

INPUT_LIMIT = (INPUT_RANGE << INPUT_FRACTION) - 1

FEATURE_FRACTION, FEATURE_RANGE = 10, 8
"""Features count in units of 2**-10; beyond +-8 tanh is +-1, and the input of the last layer is clamped."""

FEATURE_LIMIT = FEATURE_RANGE << FEATURE_FRACTION

TANH_FRACTION = 9
"""tanh of features counts in units of 2**-9."""

TANH_LIMIT = 1 << TANH_FRACTION

MANTISSA_LIMIT = 2**22
"""Mantissas of the factors that scale a network's input and output are smaller."""


SINGLE, DOUBLE = 2**24, 2**53
"""Magnitudes up to which float32 and float64 represent every integer: sums below are exact in any order."""

CUBE, CENTRE = 27, 13
"""Taps of a 3x3x3 neighbourhood, and those that precede its centre in raster order."""


def log_step_of(step: float) -> int:
    """ln(step) rounded to units of 2**-8: the integer that is transmitted, and that densities are conditioned on.

    Encoders compute it once; decoders read it. Raises ValueError for a step that is not positive and finite.
    """
    if not 0 < step < math.inf:
        raise ValueError(f"a quantisation step must be positive and finite, not {step}")
    return round(math.log(step) * 2**LOG_STEP_FRACTION)
