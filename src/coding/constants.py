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


def log_step_of(step: float) -> int:
    """ln(step) rounded to units of 2**-8: the integer that is transmitted, and that densities are conditioned on.

    Encoders compute it once; decoders read it. Raises ValueError for a step that is not positive and finite.
    """
    if not 0 < step < math.inf:
        raise ValueError(f"a quantisation step must be positive and finite, not {step}")
    return round(math.log(step) * 2**LOG_STEP_FRACTION)
