"""The quantisation step as an exact number."""

import math

from .constants import LOG_STEP_FRACTION


def log_step_of(step: float) -> int:
    """ln(step) in units of 2**-8, to the nearest: what the densities are conditioned on, transmitted as it is.

    Encoders compute it once; decoders read it. Raises ValueError for a step that is not positive and finite.
    """
    if not 0 < step < math.inf:
        raise ValueError(f"a quantisation step must be positive and finite, not {step}")
    return round(math.log(step) * 2**LOG_STEP_FRACTION)
