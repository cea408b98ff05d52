"""Parameters of the lossless transform in integers, including the networks of its lifting steps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..models.transform.layout import SCHEME_OF_PART, Boundary, Sharing
from .constants import CUBE, FEATURE_LIMIT, INPUT_LIMIT, MANTISSA_LIMIT, TANH_LIMIT, TAP_LIMIT
from .integer_layer import IntegerLayer

MAX_LEVELS = 8

MOST_CHANNELS = 1024


@dataclass(frozen=True)
class Factor:
    """A positive number as mantissa * 2**-shift. Raises ValueError out of range."""

    mantissa: int
    shift: int

    def __post_init__(self) -> None:
        """Check the range."""
        if not (0 < self.mantissa < MANTISSA_LIMIT and 0 < self.shift < 63):
            raise ValueError("a factor of a lifting network is out of range")


def channels_of(layer: IntegerLayer) -> tuple[int, int]:
    """Numbers of input and output channels of a 3x3x3 convolution, with inputs in the order (tap, channel)."""
    if len(layer.weight) % CUBE:
        raise ValueError("a layer of a lifting network does not have 27 taps")
    return len(layer.weight) // CUBE, layer.weight.shape[1]


@dataclass(frozen=True, eq=False)
class IntegerNet:
    """A `LiftingNet` with tanh in integers, of 3x3x3 convolutions: `first` 1 -> C, the `inner` C -> C, `head` C -> 1.

    `scale_in` converts intensities in units of 2**-16 to the units of the input, `scale_out` outputs of the head to
    units of 2**-16. Raises ValueError if the parts do not fit together.
    """

    first: IntegerLayer
    inner: Sequence[IntegerLayer]
    head: IntegerLayer
    scale_in: Factor
    scale_out: Factor

    def __post_init__(self) -> None:
        """Check the widths of the layers and the limits of their inputs."""
        layers = (self.first, *self.inner, self.head)
        width, count = channels_of(self.first)[1], len(self.inner)
        expected = [INPUT_LIMIT, *[TANH_LIMIT] * count, FEATURE_LIMIT]
        channels = [(1, width), *[(width, width)] * count, (width, 1)]
        fit = [channels_of(layer) for layer in layers] == channels and [layer.limit for layer in layers] == expected
        if not fit or width > MOST_CHANNELS:
            raise ValueError("the layers of a lifting network do not fit together")


@dataclass(frozen=True, eq=False)
class IntegerReversible:
    """A `ReversibleTransform` with fixed-point taps and integer networks.

    `taps` (schemes, steps, 3) int64 are in units of 2**-16; `sharing` and `boundary` are those of `WaveletTransform`.
    The layers of networks are named in `layers` by scheme and step, as in `0.2.first`, `0.2.inner0`, ..., `0.2.head`; a
    step without any is plain; `factors` (schemes, steps, 4) int64 holds mantissa and shift of the factors that scale
    their input and output; `padding` and `input_padding` are those of `LiftingNet`. Raises ValueError if the parts do
    not fit together.
    """

    levels: int
    sharing: str
    boundary: str
    padding: str
    input_padding: str
    taps: np.ndarray
    factors: np.ndarray
    layers: dict[str, IntegerLayer]

    def __post_init__(self) -> None:
        """Check the parts."""
        Boundary(self.boundary)
        schemes = 1 + max(max(row) for row in SCHEME_OF_PART[Sharing(self.sharing)])
        shape = (schemes, self.taps.shape[1], 3)
        are_taps = self.taps.shape == shape and -TAP_LIMIT <= self.taps.min() <= self.taps.max() <= TAP_LIMIT
        if not are_taps or self.factors.shape != (*shape[:2], 4):
            raise ValueError("the taps or factors of a lifting scheme do not fit")
        if not 1 <= self.levels <= MAX_LEVELS or {self.padding, self.input_padding} - {"zeros", "reflect", "replicate"}:
            raise ValueError("the number of levels or a padding is impossible")
        for scheme, step in np.ndindex(*shape[:2]):
            self.net(scheme, step)

    @property
    def width(self) -> int:
        """Most channels of a layer, 1 for plain wavelets."""
        return max((layer.weight.shape[1] for layer in self.layers.values()), default=1)

    def net(self, scheme: int, step: int) -> IntegerNet | None:
        """The network of a step, None if it has none."""
        prefix = f"{scheme}.{step}."
        own = {name.removeprefix(prefix): layer for name, layer in self.layers.items() if name.startswith(prefix)}
        if not own:
            return None
        if {"first", "head"} - set(own):
            raise ValueError("a lifting network lacks a layer")
        inner = [own[f"inner{k}"] for k in range(len(own) - 2)]
        mantissa_in, shift_in, mantissa_out, shift_out = self.factors[scheme, step].tolist()
        factors = Factor(mantissa_in, shift_in), Factor(mantissa_out, shift_out)
        return IntegerNet(own["first"], inner, own["head"], *factors)
