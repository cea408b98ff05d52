"""Lifting factorisations of wavelets, from which trained transforms are initialised.

Sources: CDF 9/7 and 5/3 lifting steps, ISO/IEC 15444-1 annex F.4.8; Daubechies and Sweldens, "Factoring wavelet
transforms into lifting steps" (1998).
"""

from enum import StrEnum
from typing import NamedTuple


class Lifting(NamedTuple):
    """Alternating predict and update steps, then a gain for each half.

    `steps` holds the factor c of every step: a predict step adds `c * (left + right)` of the even neighbours to the
    odd samples, an update step `c * (left + right)` of the odd neighbours to the even samples.
    """

    steps: tuple[float, ...]
    low_gain: float
    high_gain: float

    @property
    def flat_gain(self) -> float:
        """Gain of the low half for a flat signal."""
        even = odd = 1.0
        for predict, update in zip(self.steps[0::2], self.steps[1::2], strict=True):
            odd += 2 * predict * even
            even += 2 * update * odd
        return even * self.low_gain


class Wavelet(StrEnum):
    """A biorthogonal wavelet by name."""

    CDF97 = "cdf97"
    CDF53 = "cdf53"

    @property
    def lifting(self) -> Lifting:
        """The factorisation, with gains that make both halves nearly orthonormal."""
        return _LIFTING[self]


_LIFTING = {
    Wavelet.CDF97: Lifting(
        steps=(-1.586134342059924, -0.052980118572961, 0.882911075530934, 0.443506852043971),
        low_gain=1.149604398860241,
        high_gain=0.869864451624781,
    ),
    Wavelet.CDF53: Lifting(steps=(-0.5, 0.25), low_gain=2**0.5, high_gain=2**-0.5),
}
