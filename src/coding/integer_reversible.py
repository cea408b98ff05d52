"""The lossless transform in integers: the same on every machine, whatever the batch, threads and order of sums."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..models.subbands import Subbands
from ..models.transform.boundary import Boundary, Phase, extend
from ..models.transform.reversible_lifting import IntegerScheme
from ..models.transform.separable import SCHEME_OF_PART, SeparableTransform, Sharing
from .exactness import require_exact_convolutions
from .integer_conv import IntegerConv
from .integer_layer import IntegerLayer
from .integer_net import TAP_FRACTION, Factor, IntegerNet

MAX_LEVELS = 8
TAP_LIMIT = 2**20


@dataclass(frozen=True)
class IntegerLifting:
    """One lifting step: three taps (3,) int64 in units of 2**-16 and, unless it is a plain wavelet, a network."""

    taps: Tensor
    source: Phase
    boundary: Boundary
    net: IntegerNet | None

    def increment(self, source: Tensor, targets: int) -> Tensor:
        """The step's update of `targets` samples, rounded to the nearest integer, halves upwards.

        (B, 1, m, a, b) int64 -> (B, 1, targets, a, b) int64.
        """
        extended = extend(source, self.source, self.boundary, targets)
        skip = sum(tap * extended[:, :, k : k + targets] for k, tap in enumerate(self.taps.tolist()) if tap)
        skip = skip if isinstance(skip, Tensor) else torch.zeros_like(extended[:, :, :targets])
        total = skip if self.net is None else skip + self.net(skip)
        return (total + (1 << (TAP_FRACTION - 1))) >> TAP_FRACTION


@dataclass(frozen=True)
class IntegerReversible:
    """A `ReversibleTransform` with fixed-point taps and integer networks.

    `taps` (schemes, steps, 3) int64, in units of 2**-16; `sharing` and `boundary` as `WaveletTransform` has them. With
    networks, `layers` names theirs by scheme and step, as in `0.2.first`, `0.2.inner0`, ..., `0.2.head`; `factors`
    (schemes, steps, 4) int64 holds mantissa and shift of what scales their input and output; `padding` and
    `input_padding` are those of `LiftingNet`. Raises ValueError if the parts do not fit together.
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
        """Check the parts and put them together."""
        sharing = Sharing(self.sharing)
        schemes = 1 + max(max(row) for row in SCHEME_OF_PART[sharing])
        shape = (schemes, self.taps.shape[1], 3)
        if self.taps.shape != shape or self.factors.shape != (*shape[:2], 4) or int(self.taps.abs().max()) > TAP_LIMIT:
            raise ValueError("the taps or factors of a lifting scheme do not fit")
        if not 1 <= self.levels <= MAX_LEVELS or {self.padding, self.input_padding} - {"zeros", "reflect", "replicate"}:
            raise ValueError("the number of levels or a padding is impossible")
        made = iter([IntegerScheme([self._step(k, n) for n in range(shape[1])]) for k in range(schemes)])
        object.__setattr__(self, "transform", SeparableTransform(self.levels, sharing, lambda: next(made)))

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
