"""Reversible integer-to-integer lifting."""

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor, nn

from .boundary import interleaved
from .layout import Phase
from .lifting import LiftingScheme


class IntegerStep(Protocol):
    """A lifting step on integers: its increment of one half is a function of the other half, its `source`."""

    @property
    def source(self) -> Phase: ...  # noqa: D102

    def increment(self, source: Tensor, targets: int) -> Tensor:
        """The source half, integers -> integers to add to `targets` samples along axis 2, same dtype."""


class ReversibleLifting(LiftingScheme):
    """The steps of a lifting scheme with rounded increments, without gains. Halves hold integers, as float."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 1, n, a, b) -> low and high half, see `split`."""
        return split(self.lifting_steps(), x)

    def inverse(self, low: Tensor, high: Tensor) -> Tensor:
        """Low and high half -> (B, 1, n, a, b)."""
        return join(self.lifting_steps(), low, high)


class IntegerScheme(nn.Module):
    """Scheme made of any integer steps."""

    def __init__(self, steps: Sequence[IntegerStep]) -> None:
        super().__init__()
        self.steps = steps

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 1, n, a, b) -> low and high half, see `split`."""
        return split(self.steps, x)

    def inverse(self, low: Tensor, high: Tensor) -> Tensor:
        """Low and high half -> (B, 1, n, a, b)."""
        return join(self.steps, low, high)


def split(steps: Sequence[IntegerStep], x: Tensor) -> tuple[Tensor, Tensor]:
    """Lift (B, 1, n, a, b) along axis 2 -> low and high half: (B, 1, n - n // 2, a, b) and (B, 1, n // 2, a, b)."""
    even, odd = x[:, :, 0::2], x[:, :, 1::2]
    if x.shape[2] == 1:
        return even, odd
    for step in steps:
        if step.source is Phase.EVEN:
            odd = odd + step.increment(even, odd.shape[2])
        else:
            even = even + step.increment(odd, even.shape[2])
    return even, odd


def join(steps: Sequence[IntegerStep], low: Tensor, high: Tensor) -> Tensor:
    """The inverse of `split`."""
    even, odd = low, high
    if odd.shape[2] == 0:
        return even
    for step in reversed(steps):
        if step.source is Phase.EVEN:
            odd = odd - step.increment(even, odd.shape[2])
        else:
            even = even - step.increment(odd, even.shape[2])
    return interleaved(even, odd)
