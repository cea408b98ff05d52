"""Lifting along one axis: alternating predict and update steps that are exactly invertible."""

from typing import Protocol, cast

import torch
from torch import Tensor, nn

from .boundary import Boundary, Phase, extend, interleaved
from .wavelets import Wavelet


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

    `net_factory` creates the net of each step (None: the fixed wavelet). Taps and both gains are trainable if
    `trainable_taps`.
    """

    def __init__(
        self, wavelet: Wavelet, boundary: Boundary, trainable_taps: bool, net_factory: NetFactory | None
    ) -> None:
        super().__init__()
        start = wavelet.lifting
        self.flat_gain = start.flat_gain
        sources = [Phase.EVEN, Phase.ODD] * (len(start.steps) // 2)
        self.steps = nn.ModuleList(
            LiftingStep(factor, source, boundary, trainable_taps, net_factory() if net_factory else None)
            for factor, source in zip(start.steps, sources, strict=True)
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
