"""The network of an additive lifting step in integers."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from .exact_tables import tanh_table
from .integer_conv import IntegerConv

TAP_FRACTION = 16
"""Taps, and what they and the network add, count in units of 2**-16."""

INPUT_FRACTION, INPUT_RANGE = 14, 8
"""The network's input, in the scale of intensities: units of 2**-14, from -8 to 8."""

FEATURE_FRACTION, FEATURE_RANGE = 10, 8
"""Features: units of 2**-10; beyond +-8 tanh is 1, and the last layer sees no more either."""

TANH_FRACTION = 9
SKIP_LIMIT = 2**40
MANTISSA_LIMIT = 2**22

INPUT_LIMIT = (INPUT_RANGE << INPUT_FRACTION) - 1
FEATURE_LIMIT = FEATURE_RANGE << FEATURE_FRACTION
TANH_LIMIT = 1 << TANH_FRACTION


@dataclass(frozen=True)
class Factor:
    """A positive number as mantissa * 2**-shift. Raises ValueError out of range."""

    mantissa: int
    shift: int

    def __post_init__(self) -> None:
        """Check the range."""
        if not (0 < self.mantissa < MANTISSA_LIMIT and 0 < self.shift < 63):
            raise ValueError("a factor of a lifting network is out of range")

    def __call__(self, x: Tensor) -> Tensor:
        """x times the number, to the nearest integer; int64 up to 2**40 in magnitude."""
        return (x * self.mantissa + (1 << (self.shift - 1))) >> self.shift


@dataclass(frozen=True)
class IntegerNet:
    """A `LiftingNet` with tanh in integers: `first` 1 -> C, the `inner` C -> C, `head` C -> 1.

    `scale_in` brings intensities in units of 2**-16 to the input's units, `scale_out` the head's to 2**-16. Raises
    ValueError where the parts do not fit.
    """

    first: IntegerConv
    inner: Sequence[IntegerConv]
    head: IntegerConv
    scale_in: Factor
    scale_out: Factor

    def __post_init__(self) -> None:
        """Check widths and the magnitudes that layers were made for."""
        width = self.first.channels[1]
        channels = [self.first.channels, *(conv.channels for conv in self.inner), self.head.channels]
        limits = [conv.layer.limit for conv in (self.first, *self.inner, self.head)]
        expected = [INPUT_LIMIT, *[TANH_LIMIT] * len(self.inner), FEATURE_LIMIT]
        if channels != [(1, width), *[(width, width)] * len(self.inner), (width, 1)] or limits != expected:
            raise ValueError("the layers of a lifting network do not fit together")

    def __call__(self, skip: Tensor) -> Tensor:
        """(B, 1, D, H, W) int64 -> the shift, the same; both are intensities in units of 2**-16."""
        scaled = self.scale_in(skip.clamp(-SKIP_LIMIT, SKIP_LIMIT)).clamp_(-INPUT_LIMIT, INPUT_LIMIT)
        hidden = first = self.first(scaled.double())
        for conv in self.inner:
            hidden = conv(_tanh(hidden))
        features = (first + hidden).clamp_(-FEATURE_LIMIT, FEATURE_LIMIT)
        return self.scale_out(self.head(features).long())


def _tanh(x: Tensor) -> Tensor:
    """Features -> their tanh in units of 2**-9, float32 integers, in the same memory format."""
    table = tanh_table(FEATURE_FRACTION, TANH_FRACTION, FEATURE_RANGE)
    last = x.movedim(1, -1)
    at = last.clamp(-FEATURE_LIMIT, FEATURE_LIMIT).add_(FEATURE_LIMIT).int()
    return table.index_select(0, at.flatten()).view(last.shape).movedim(-1, 1)
