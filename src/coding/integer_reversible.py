"""The lossless transform in integers, including the networks of its lifting steps."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..models.subbands import Subbands
from ..models.transform.boundary import extend
from ..models.transform.layout import SCHEME_OF_PART, Boundary, Phase, Sharing
from ..models.transform.reversible_lifting import IntegerScheme
from ..models.transform.separable import SeparableTransform
from .constants import (
    FEATURE_FRACTION,
    FEATURE_LIMIT,
    FEATURE_RANGE,
    INPUT_LIMIT,
    MANTISSA_LIMIT,
    SKIP_LIMIT,
    TANH_FRACTION,
    TANH_LIMIT,
    TAP_FRACTION,
    TAP_LIMIT,
)
from .exact_tables import tanh_table
from .integer_conv import IntegerConv, require_exact_convolutions
from .integer_layer import IntegerLayer


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
        """x times the factor, to the nearest integer; x is int64 up to 2**40 in magnitude."""
        return (x * self.mantissa + (1 << (self.shift - 1))) >> self.shift


@dataclass(frozen=True)
class IntegerNet:
    """A `LiftingNet` with tanh in integers: `first` 1 -> C, the `inner` C -> C, `head` C -> 1.

    `scale_in` converts intensities in units of 2**-16 to the units of the input, `scale_out` outputs of the head to
    units of 2**-16. Raises ValueError if the parts do not fit together.
    """

    first: IntegerConv
    inner: Sequence[IntegerConv]
    head: IntegerConv
    scale_in: Factor
    scale_out: Factor

    def __post_init__(self) -> None:
        """Check the widths of the layers and the limits of their inputs."""
        width = self.first.channels[1]
        channels = [self.first.channels, *(conv.channels for conv in self.inner), self.head.channels]
        limits = [conv.layer.limit for conv in (self.first, *self.inner, self.head)]
        expected = [INPUT_LIMIT, *[TANH_LIMIT] * len(self.inner), FEATURE_LIMIT]
        if channels != [(1, width), *[(width, width)] * len(self.inner), (width, 1)] or limits != expected:
            raise ValueError("the layers of a lifting network do not fit together")

    def __call__(self, skip: Tensor) -> Tensor:
        """(B, 1, D, H, W) int64 -> the shift, of the same shape and type; both are intensities in units of 2**-16."""
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


MAX_LEVELS = 8


@dataclass(frozen=True)
class IntegerLifting:
    """One lifting step: three taps (3,) int64 in units of 2**-16 and, unless it is a plain wavelet, a network."""

    taps: Tensor
    source: Phase
    boundary: Boundary
    net: IntegerNet | None

    def increment(self, source: Tensor, targets: int) -> Tensor:
        """The step's update of `targets` samples, rounded to the nearest integer, halves up.

        (B, 1, m, a, b) int64 -> (B, 1, targets, a, b) int64.
        """
        extended = extend(source, self.source, self.boundary, targets)
        skip = sum(tap * extended[:, :, k : k + targets] for k, tap in enumerate(self.taps.tolist()) if tap)
        skip = skip if isinstance(skip, Tensor) else torch.zeros_like(extended[:, :, :targets])
        total = skip if self.net is None else skip + self.net(skip)
        return (total + (1 << (TAP_FRACTION - 1))) >> TAP_FRACTION


def _are_taps(taps: Tensor) -> bool:
    return -TAP_LIMIT <= int(taps.min()) <= int(taps.max()) <= TAP_LIMIT


@dataclass(frozen=True)
class IntegerReversible:
    """A `ReversibleTransform` with fixed-point taps and integer networks.

    `taps` (schemes, steps, 3) int64 are in units of 2**-16; `sharing` and `boundary` are those of `WaveletTransform`.
    The layers of networks, if there are any, are named in `layers` by scheme and step, as in `0.2.first`, `0.2.inner0`,
    ..., `0.2.head`; `factors` (schemes, steps, 4) int64 holds mantissa and shift of the factors that scale their input
    and output; `padding` and `input_padding` are those of `LiftingNet`. Raises ValueError if the parts do not fit
    together.
    """

    levels: int
    sharing: str
    boundary: str
    padding: str
    input_padding: str
    taps: Tensor
    factors: Tensor
    layers: dict[str, IntegerLayer]
    transform: SeparableTransform = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the parts and build the transform."""
        sharing = Sharing(self.sharing)
        schemes = 1 + max(max(row) for row in SCHEME_OF_PART[sharing])
        shape = (schemes, self.taps.shape[1], 3)
        if self.taps.shape != shape or self.factors.shape != (*shape[:2], 4) or not _are_taps(self.taps):
            raise ValueError("the taps or factors of a lifting scheme do not fit")
        if not 1 <= self.levels <= MAX_LEVELS or {self.padding, self.input_padding} - {"zeros", "reflect", "replicate"}:
            raise ValueError("the number of levels or a padding is impossible")
        made = iter([IntegerScheme([self._step(k, n) for n in range(shape[1])]) for k in range(schemes)])
        object.__setattr__(self, "transform", SeparableTransform(self.levels, sharing, lambda: next(made)))

    @property
    def width(self) -> int:
        """Most channels of a layer, 1 for plain wavelets."""
        return max((layer.weight.shape[1] for layer in self.layers.values()), default=1)

    def _step(self, scheme: int, step: int) -> IntegerLifting:
        source = Phase.ODD if step % 2 else Phase.EVEN
        return IntegerLifting(self.taps[scheme, step], source, Boundary(self.boundary), self._net(scheme, step))

    def _net(self, scheme: int, step: int) -> IntegerNet | None:
        """The network of a step, None for a plain wavelet."""
        prefix = f"{scheme}.{step}."
        own = {name.removeprefix(prefix): layer for name, layer in self.layers.items() if name.startswith(prefix)}
        if not self.layers:
            return None
        if {"first", "head"} - set(own):
            raise ValueError("a lifting network lacks a layer")
        inner = [IntegerConv(own[f"inner{k}"], self.padding) for k in range(len(own) - 2)]
        first, head = IntegerConv(own["first"], self.input_padding), IntegerConv(own["head"], self.padding)
        mantissa_in, shift_in, mantissa_out, shift_out = self.factors[scheme, step].tolist()
        return IntegerNet(first, inner, head, Factor(mantissa_in, shift_in), Factor(mantissa_out, shift_out))

    @torch.no_grad()
    def forward(self, x: Tensor) -> Subbands:
        """(B, 1, D, H, W), integers of any dtype, any size -> subbands, int64."""
        require_exact_convolutions()
        subbands: Subbands = self.transform(x.long())
        return subbands

    @torch.no_grad()
    def inverse(self, subbands: Subbands) -> Tensor:
        """The inverse of `forward`: subbands of integers -> (B, 1, D, H, W) int64."""
        require_exact_convolutions()
        return self.transform.inverse(subbands.map(lambda band: band.long()))
