"""Every coefficient of a band independent of all others (aiWave-light)."""

import torch
from torch import Tensor, nn

from ..subbands import BAND_LETTERS, Subbands
from .base import EntropyModel
from .density import Density


class FactorizedEntropy(EntropyModel):
    """One univariate density per band, whose parameters follow the quantisation step.

    An embedding of the band and the logarithm of the step pass through `layers` hidden layers of `channels`. Raises
    ValueError if a context is asked for.
    """

    kind = "factorized"

    def __init__(
        self,
        levels: int,
        channels: int,
        layers: int,
        density: Density,
        long_context: bool = False,
        short_context: bool = False,
    ) -> None:
        super().__init__()
        if long_context or short_context:
            raise ValueError("a factorized model has no context: choose entropy=context")
        self.bands = 1 + (len(BAND_LETTERS) - 1) * levels
        self.density = density
        self.embedding = nn.Embedding(self.bands, channels)
        hidden = [nn.Sequential(nn.ReLU(), nn.Linear(channels, channels)) for _ in range(layers)]
        self.body = nn.Sequential(nn.Linear(channels + 1, channels), *hidden, nn.ReLU())
        self.head = nn.Linear(channels, density.size)
        self.band_head = nn.Embedding(self.bands, density.size)
        nn.init.zeros_(self.band_head.weight)

    def coefficient_bits(self, q: Subbands, step: Tensor) -> list[Tensor]:
        """See `EntropyModel.coefficient_bits`; shaped as `q.level_stacks()`."""
        parameters = self._densities(torch.log(step))
        bits, first = [], 0
        for stack in q.level_stacks():
            count = stack.shape[1]
            own = parameters[:, first : first + count].expand(*stack.shape, -1)
            bits.append(self.density.bits(stack, own, torch.zeros_like(stack), step))
            first += count
        return bits

    def _densities(self, log_step: Tensor) -> Tensor:
        """Logarithms of the steps (B,) -> (B, bands, 1, 1, 1, size)."""
        batch = log_step.shape[0]
        band = self.embedding.weight.expand(batch, -1, -1)
        step = log_step.view(batch, 1, 1).expand(-1, self.bands, 1)
        output = self.head(self.body(torch.cat((band, step), dim=-1))) + self.band_head.weight
        return output.view(batch, self.bands, 1, 1, 1, -1)
