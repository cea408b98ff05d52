"""Slopes at which encoders and training weigh squared errors against bits."""

import math

HIGH_RATE_SLOPE = math.log(2) / 6
"""-dD/dR / step^2 of uniform quantisation at high rate, D = step^2 / 12 and R = h - log2(step); about 0.1155."""

SLOPE = 0.63 * HIGH_RATE_SLOPE
"""Slope (Lagrange multiplier) at which squared errors, in squared steps, are weighed against bits along the trellis.

At high rate it would be 0.79 of a uniform quantiser's with eight states, since they gain 1 dB; four fifths of that
gave the best curves (measured). With 256 states it would be 0.75; a tenth more or less gives no better curves.
"""

LOOKS = 1
"""Passes that weigh bits in the context of the previous choice."""
