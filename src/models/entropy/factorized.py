"""Every coefficient of a band independent of all others (aiWave-light)."""

import torch
from torch import Tensor, nn

from ..subbands import BAND_LETTERS, Subbands
from .logistic_mixture import mixture_bits


class FactorizedEntropy(nn.Module):
    """One univariate density per band, a mixture of discretised logistics that follows the quantisation step.

    An embedding of the band and the logarithm of the step pass through `layers` hidden layers of `channels`.
    """

    kind = "factorized"

    def __init__(self, levels: int, channels: int, layers: int, mixtures: int) -> None:
        super().__init__()
        self.bands = 1 + (len(BAND_LETTERS) - 1) * levels
        self.mixtures = mixtures
        self.embedding = nn.Embedding(self.bands, channels)
        hidden = [nn.Sequential(nn.ReLU(), nn.Linear(channels, channels)) for _ in range(layers)]
        self.body = nn.Sequential(nn.Linear(channels + 1, channels), *hidden, nn.ReLU())
        self.head = nn.Linear(channels, 3 * mixtures)
        self.band_head = nn.Embedding(self.bands, 3 * mixtures)
        nn.init.zeros_(self.band_head.weight)

    def forward(self, q: Subbands, step: Tensor) -> Tensor:
        """Quantised subbands and steps (B,) -> bits of every band, (B, bands)."""
        parameters = self._densities(torch.log(step))
        bits, first = [], 0
        for stack in q.level_stacks():
            count = stack.shape[1]
            logits, means, log_scales = parameters[:, first : first + count].chunk(3, dim=-1)
            scales = log_scales.exp()
            bits.append(mixture_bits(stack, logits, means * scales, log_scales).sum(dim=(2, 3, 4)))
            first += count
        return torch.cat(bits, dim=1)

    def _densities(self, log_step: Tensor) -> Tensor:
        """Logarithms of the steps (B,) -> (B, bands, 1, 1, 1, 3 * mixtures)."""
        batch = log_step.shape[0]
        band = self.embedding.weight.expand(batch, -1, -1)
        step = log_step.view(batch, 1, 1).expand(-1, self.bands, 1)
        output = self.head(self.body(torch.cat((band, step), dim=-1))) + self.band_head.weight
        return output.view(batch, self.bands, 1, 1, 1, -1)
