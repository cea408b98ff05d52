"""The code length of coefficients that one of two quantisers has."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..dependent import cell, second_of
from .density import Density


@dataclass(frozen=True, eq=False)
class DependentBits:
    """Tells the bits of the bands `stack` (B, n, d, h, w), multiples of half a step, and of others in their place.

    For the arguments of the density see `Density.bits`; `change` (n, size) is what the second quantiser adds to its
    parameters.
    """

    density: Density
    stack: Tensor
    parameters: Tensor
    predicted: Tensor
    step: Tensor
    change: Tensor

    def __call__(self, values: Tensor, second: int | None = None) -> Tensor:
        """Values (B, n, d, h, w) -> their bits, in one of the quantisers, or where the trellis leads along `stack`."""
        which = (
            second_of((2 * self.stack).long()) if second is None else torch.full_like(values, second, dtype=torch.int64)
        )
        centre, half = cell(values, which)
        change = self.change[:, None, None, None] * which.unsqueeze(-1)
        return self.density.bits(centre, self.parameters + change, self.predicted, self.step, half)
