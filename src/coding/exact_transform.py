"""The lossless transform in integers, in PyTorch: the reference."""

import torch
from torch import Tensor

from ..models.subbands import Subbands
from ..models.transform.boundary import extend
from ..models.transform.layout import Boundary, Phase, Sharing
from ..models.transform.reversible_lifting import IntegerScheme
from ..models.transform.separable import SeparableTransform
from .constants import (
    FEATURE_FRACTION,
    FEATURE_LIMIT,
    FEATURE_RANGE,
    INPUT_LIMIT,
    SKIP_LIMIT,
    TANH_FRACTION,
    TAP_FRACTION,
)
from .integer_conv import IntegerConv, require_exact_convolutions
from .integer_reversible import Factor, IntegerNet, IntegerReversible
from .tensor_tables import tanh_table


class ExactNet:
    """Evaluates an `IntegerNet` with these padding modes of `torch.nn.Conv3d`."""

    def __init__(self, net: IntegerNet, padding: str, input_padding: str) -> None:
        self._first, self._head = IntegerConv(net.first, input_padding), IntegerConv(net.head, padding)
        self._inner = [IntegerConv(layer, padding) for layer in net.inner]
        self._scale_in, self._scale_out = net.scale_in, net.scale_out

    def __call__(self, skip: Tensor) -> Tensor:
        """(B, 1, D, H, W) int64 -> the shift, of the same shape and type; both are intensities in units of 2**-16."""
        scaled = _times(self._scale_in, skip.clamp(-SKIP_LIMIT, SKIP_LIMIT)).clamp_(-INPUT_LIMIT, INPUT_LIMIT)
        hidden = first = self._first(scaled.double())
        for conv in self._inner:
            hidden = conv(_tanh(hidden))
        features = (first + hidden).clamp_(-FEATURE_LIMIT, FEATURE_LIMIT)
        return _times(self._scale_out, self._head(features).long())


def _times(factor: Factor, x: Tensor) -> Tensor:
    """x times the factor, to the nearest integer; x is int64 up to 2**40 in magnitude."""
    return (x * factor.mantissa + (1 << (factor.shift - 1))) >> factor.shift


def _tanh(x: Tensor) -> Tensor:
    """Features -> their tanh in units of 2**-9, float32 integers, in the same memory format."""
    table = tanh_table(FEATURE_FRACTION, TANH_FRACTION, FEATURE_RANGE)
    last = x.movedim(1, -1)
    at = last.clamp(-FEATURE_LIMIT, FEATURE_LIMIT).add_(FEATURE_LIMIT).int()
    return table.index_select(0, at.flatten()).view(last.shape).movedim(-1, 1)


class ExactLifting:
    """Step `step` of a scheme: three taps in units of 2**-16 and, unless it is a plain wavelet, a network."""

    def __init__(self, model: IntegerReversible, scheme: int, step: int) -> None:
        self.source = Phase.ODD if step % 2 else Phase.EVEN
        self._taps = model.taps[scheme, step].tolist()
        self._boundary = Boundary(model.boundary)
        net = model.net(scheme, step)
        self._net = None if net is None else ExactNet(net, model.padding, model.input_padding)

    def increment(self, source: Tensor, targets: int) -> Tensor:
        """The step's update of `targets` samples, rounded to the nearest integer, halves up.

        (B, 1, m, a, b) int64 -> (B, 1, targets, a, b) int64.
        """
        extended = extend(source, self.source, self._boundary, targets)
        skip = torch.zeros_like(extended[:, :, :targets])
        for k, tap in enumerate(self._taps):
            if tap:
                skip += tap * extended[:, :, k : k + targets]
        total = skip if self._net is None else skip + self._net(skip)
        return (total + (1 << (TAP_FRACTION - 1))) >> TAP_FRACTION


class ExactTransform:
    """The transform of an `IntegerReversible`."""

    def __init__(self, model: IntegerReversible) -> None:
        count, steps = model.taps.shape[:2]
        made = iter([IntegerScheme([ExactLifting(model, k, n) for n in range(steps)]) for k in range(count)])
        self._transform = SeparableTransform(model.levels, Sharing(model.sharing), lambda: next(made))

    @torch.no_grad()
    def forward(self, x: Tensor) -> Subbands:
        """(B, 1, D, H, W), integers of any dtype, any size -> subbands, int64."""
        require_exact_convolutions()
        subbands: Subbands = self._transform(x.long())
        return subbands

    @torch.no_grad()
    def inverse(self, subbands: Subbands) -> Tensor:
        """The inverse of `forward`: subbands of integers -> (B, 1, D, H, W) int64."""
        require_exact_convolutions()
        return self._transform.inverse(subbands.map(lambda band: band.long()))
