"""The code length of coefficients that one of two quantisers has."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..dependent import cell, second_of
from .density import Density


@dataclass(frozen=True, eq=False)
class DependentBits:
    """Tells the bits of the bands `stack` (B, n, d, h, w), multiples of half a step, and of others in their place.

    `states` is how many the trellis has. For the arguments of the density see `Density.bits`; `parameters` makes its
    parameters from what is 1 where the second quantiser is, else 0, (B, n, d, h, w).
    """

    density: Density
    stack: Tensor
    states: int
    parameters: Callable[..., Tensor]
    predicted: Tensor
    step: Tensor
    _known: dict[int, Tensor] = field(default_factory=dict)

    def __call__(self, values: Tensor, second: int | None = None) -> Tensor:
        """Values (B, n, d, h, w) -> their bits, in one of the quantisers, or where the trellis leads along `stack`."""
        if second is None:
            which = second_of((2 * self.stack).round().long(), self.states)
        else:
            which = torch.full_like(values, second, dtype=torch.int64)
        centre, half = cell(values, which)
        return self.density.bits(centre, self._parameters(which, second), self.predicted, self.step, half)

    def _parameters(self, which: Tensor, second: int | None) -> Tensor:
        """Those of one quantiser are made once."""
        if second is None:
            return self.parameters(second=which)
        if second not in self._known:
            self._known[second] = self.parameters(second=which)
        return self._known[second]
