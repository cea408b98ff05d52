"""Lifting: the scheme, its steps, the trained network of each, and the affine factor."""

from collections.abc import Callable
from typing import Literal, Protocol, cast

import torch
from torch import Tensor, nn

from ...bounds import Layers, Positive, Width, known
from ..conv import Conv3d, multiplies_bfloat16, zero_initialised
from .boundary import extend, interleaved
from .layout import Boundary, LearnedSteps, Phase
from .wavelets import Wavelet


class BoundedScale(nn.Module):
    """scale = exp(b * tanh(raw / b)), so exp(-b) < scale < exp(b).

    At raw = 0 it is exactly 1 with derivative 1: an affine step starts as an additive one and can learn immediately,
    and its inverse never divides by less than exp(-b).
    """

    initial_raw = 0.0

    def __init__(self, bound: Positive = 0.5) -> None:
        super().__init__()
        if bound <= 0:
            raise ValueError(f"bound must be positive, not {bound}")
        self.bound = bound

    def forward(self, raw: Tensor) -> Tensor:
        """Any shape -> the same shape and dtype."""
        return torch.exp(self.bound * torch.tanh(raw / self.bound))


class PublishedScale(nn.Module):
    """scale = sigmoid(256 * raw + 2), raw starting at 1 (the published parametrisation, for parity).

    It starts at sigmoid(258) = 1 with a gradient that is exactly 0 in float32, so it never learns from there; elsewhere
    it can come close to 0, where the inverse transform overflows. Train with `BoundedScale` instead.
    """

    initial_raw = 1.0

    def forward(self, raw: Tensor) -> Tensor:
        """Any shape -> the same shape and dtype."""
        return torch.sigmoid(256 * raw + 2)


Padding = Literal["zeros", "reflect", "replicate"]


class LiftingNet(nn.Module):
    """Residual 3-D CNN of a lifting step (aiWave, arXiv 2203.05822, section III).

    conv 1 -> `channels`, then `depth` convs, plus the first conv's output, then one conv to the shift; `activation`
    before each inner conv. The input is divided by `intensity_scale`, the output multiplied by it and by `damping`.
    The last conv is initialised to zero, so the step starts as the fixed wavelet.

    With `scale` (a module such as `BoundedScale`) a second zero-initialised conv outputs the raw scale field.
    `padding` is that of the inner convs, `input_padding` that of the first (modes of `torch.nn.Conv3d`). Raises
    ValueError while `intensity_scale` is None, as in a configuration before its data are read.

    With `mixed` the inner convs compute in bfloat16 while gradients are recorded, on processors that multiply it, in
    half the time; forward and inverse then agree only as far as it goes. Without gradients, as in coding, all is
    float32.
    """

    def __init__(
        self,
        channels: Width,
        depth: Layers,
        activation: Callable[[], nn.Module],
        intensity_scale: Positive | None,
        damping: Positive = 0.1,
        padding: Padding = "zeros",
        input_padding: Padding = "replicate",
        scale: nn.Module | None = None,
        mixed: bool = False,
    ) -> None:
        super().__init__()
        self.mixed = mixed
        self.intensity_scale = known(intensity_scale)
        self.damping = damping
        self.first = Conv3d(1, channels, padding=input_padding)
        layers = [nn.Sequential(activation(), Conv3d(channels, channels, padding=padding)) for _ in range(depth)]
        self.inner = nn.Sequential(*layers)
        self.shift_head = zero_initialised(Conv3d(channels, 1, padding=padding))
        self.scale_head = zero_initialised(Conv3d(channels, 1)) if scale is not None else None
        self.scale = scale
        if self.scale_head is not None and self.scale_head.bias is not None:
            nn.init.constant_(self.scale_head.bias, getattr(scale, "initial_raw", 0.0))

    def forward(self, skip: Tensor) -> tuple[Tensor, Tensor | None]:
        """(B, 1, D, H, W) in intensity units -> shift in intensity units and scale (None: additive), same shape."""
        first = self.first(skip / self.intensity_scale)
        features = first + self._through_inner(first)
        shift = self.shift_head(features) * (self.intensity_scale * self.damping)
        if self.scale is None or self.scale_head is None:
            return shift, None
        return shift, self.scale(self.scale_head(features))

    def _through_inner(self, first: Tensor) -> Tensor:
        """The inner convs: (B, C, D, H, W) -> the same shape."""
        on_cpu = first.device.type == "cpu"
        if not (self.mixed and on_cpu and torch.is_grad_enabled() and multiplies_bfloat16()):
            return cast(Tensor, self.inner(first))
        with torch.autocast("cpu", torch.bfloat16):
            return cast(Tensor, self.inner(first))


class NetFactory(Protocol):
    """Makes the network of one lifting step."""

    def __call__(self) -> nn.Module:
        """A network as `LiftingNet` is one: skip -> shift and scale (None: additive)."""


class LiftingStep(nn.Module):
    """One predict or update step: target <- (target + skip + shift) * scale (aiWave, section III).

    `skip` is the other half filtered by three taps along axis 2, initialised to the wavelet; a net predicts shift and
    scale from `skip` (without net: the plain wavelet). Halves are (B, 1, n, a, b) in intensity units.
    """

    def __init__(
        self, factor: float, source: Phase, boundary: Boundary, trainable_taps: bool, net: nn.Module | None
    ) -> None:
        super().__init__()
        taps = torch.tensor([0.0, factor, factor] if source is Phase.EVEN else [factor, factor, 0.0])
        self.taps = nn.Parameter(taps, requires_grad=trainable_taps)
        self.source = source
        self.boundary = boundary
        self.net = net

    def forward(self, target: Tensor, source: Tensor) -> Tensor:
        """Target half and source half, (B, 1, n, a, b) and (B, 1, m, a, b) -> the lifted target, same shape.

        m is n or, for a signal of odd length, one more or less.
        """
        shift, scale = self.field(source, target.shape[2])
        return target + shift if scale is None else (target + shift) * scale

    def inverse(self, target: Tensor, source: Tensor) -> Tensor:
        """Undo `forward`, given the same source half."""
        shift, scale = self.field(source, target.shape[2])
        return target - shift if scale is None else target / scale - shift

    def increment(self, source: Tensor, targets: int) -> Tensor:
        """Update of `targets` samples by an additive step, rounded to the nearest integer, halves upwards.

        Integers (B, 1, m, a, b) as float -> (B, 1, targets, a, b). The field is computed in the dtype of the taps.
        The gradient passes straight through the rounding.
        """
        shift = self.field(source.to(self.taps.dtype), targets)[0].double()
        return (torch.floor(shift + 0.5).detach() + (shift - shift.detach())).to(source.dtype)

    def field(self, source: Tensor, targets: int) -> tuple[Tensor, Tensor | None]:
        """Source half -> shift and scale (None: additive) of `targets` target samples."""
        extended = extend(source, self.source, self.boundary, targets)
        before, centre, after = (extended[:, :, k : k + targets] for k in range(3))
        skip = self.taps[0] * before + self.taps[1] * centre + self.taps[2] * after
        if self.net is None:
            return skip, None
        shift, scale = self.net(skip)
        return skip + shift, scale


class LiftingScheme(nn.Module):
    """A complete one-dimensional transform along axis 2: split, lift, scale.

    `net_factory` creates the net of each step that is `learned` (None: the fixed wavelet). Taps and both gains are
    trainable if `trainable_taps`.
    """

    def __init__(
        self,
        wavelet: Wavelet,
        boundary: Boundary,
        trainable_taps: bool,
        net_factory: NetFactory | None,
        learned: LearnedSteps = LearnedSteps.ALL,
    ) -> None:
        super().__init__()
        start = wavelet.lifting
        count = len(start.steps)
        self.flat_gain = start.flat_gain
        sources = [Phase.EVEN, Phase.ODD] * (count // 2)
        nets = [net_factory() if net_factory and learned.learns(step, count) else None for step in range(count)]
        self.steps = nn.ModuleList(
            LiftingStep(factor, source, boundary, trainable_taps, net)
            for factor, source, net in zip(start.steps, sources, nets, strict=True)
        )
        self.low_gain = nn.Parameter(torch.tensor(start.low_gain), requires_grad=trainable_taps)
        self.high_gain = nn.Parameter(torch.tensor(start.high_gain), requires_grad=trainable_taps)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 1, n, a, b) -> low and high half: (B, 1, n - n // 2, a, b) and (B, 1, n // 2, a, b).

        A single sample goes to the low half, scaled as the plain wavelet scales a flat signal.
        """
        even, odd = x[:, :, 0::2], x[:, :, 1::2]
        if x.shape[2] == 1:
            return even * self.flat_gain, odd
        for step in self.lifting_steps():
            if step.source is Phase.EVEN:
                odd = step(odd, even)
            else:
                even = step(even, odd)
        return even * self.low_gain, odd * self.high_gain

    def inverse(self, low: Tensor, high: Tensor) -> Tensor:
        """Undo `forward`: low and high half -> (B, 1, n, a, b)."""
        if high.shape[2] == 0:
            return low / self.flat_gain
        even, odd = low / self.low_gain, high / self.high_gain
        for step in reversed(self.lifting_steps()):
            if step.source is Phase.EVEN:
                odd = step.inverse(odd, even)
            else:
                even = step.inverse(even, odd)
        return interleaved(even, odd)

    @torch.no_grad()
    def make_lazy(self) -> None:
        """Initialise as the lazy wavelet, which only splits even and odd samples: taps of zero, gains of one."""
        for step in self.lifting_steps():
            step.taps.zero_()
        self.flat_gain = 1.0
        self.low_gain.fill_(1)
        self.high_gain.fill_(1)

    def lifting_steps(self) -> list[LiftingStep]:
        """The steps in analysis order."""
        return cast(list[LiftingStep], list(self.steps))
