"""Code length of coefficients with dependent quantisation."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..dependent import cell, second_of
from .density import Density


@dataclass(frozen=True, eq=False)
class DependentBits:
    """Bits of the bands `stack` (B, n, d, h, w), multiples of half a step, or of other values in their place.

    `states` is the number of states of the trellis. For the arguments of the density see `Density.bits`; `parameters`
    returns its parameters, given a mask (B, n, d, h, w) that is 1 for the second quantiser, else 0.
    """

    density: Density
    stack: Tensor
    states: int
    parameters: Callable[..., Tensor]
    predicted: Tensor
    step: Tensor
    _known: dict[int, Tensor] = field(default_factory=dict)

    def __call__(self, values: Tensor, second: int | None = None) -> Tensor:
        """Values (B, n, d, h, w) -> their bits, in one of the quantisers, or in those of the trellis along `stack`."""
        if second is None:
            which = second_of((2 * self.stack).round().long(), self.states)
        else:
            which = torch.full_like(values, second, dtype=torch.int64)
        centre, half = cell(values, which)
        return self.density.bits(centre, self._parameters(which, second), self.predicted, self.step, half)

    def _parameters(self, which: Tensor, second: int | None) -> Tensor:
        """The density's parameters; those of a single quantiser are cached."""
        if second is None:
            return self.parameters(second=which)
        if second not in self._known:
            self._known[second] = self.parameters(second=which)
        return self._known[second]
