"""Factorized entropy model: every coefficient independent of all others (aiWave-light)."""

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor, nn

from ...bounds import LayersOrNone, Levels, Width
from ..bands import band_count
from ..subbands import Subbands
from .base import BandTable, BitsOf, EntropyModel, per_band
from .density import Density


class FactorizedEntropy(EntropyModel):
    """One univariate density per band, with parameters that depend on the quantisation step.

    An embedding of the band and the logarithm of the step pass through `layers` hidden layers of `channels`.
    """

    kind = "factorized"

    def __init__(self, levels: Levels, channels: Width, layers: LayersOrNone, density: Density) -> None:
        super().__init__()
        self.levels = levels
        self.bands = band_count(levels)
        self.density = density
        self.embedding = BandTable(self.bands, channels, std=1.0)
        hidden = [nn.Sequential(nn.ReLU(), nn.Linear(channels, channels)) for _ in range(layers)]
        self.body = nn.Sequential(nn.Linear(channels + 1, channels), *hidden, nn.ReLU())
        self.head = nn.Linear(channels, density.size)
        self.band_head = BandTable(self.bands, density.size)

    def densities(self, q: Subbands, step: Tensor) -> Iterator[tuple[Tensor, BitsOf]]:
        """See `EntropyModel.densities`; one level at a time."""
        step = per_band(step, self.levels)
        parameters = self._by_band(torch.log(step))
        first = 0
        for stack in q.level_stacks():
            own = slice(first, first := first + stack.shape[1])
            expanded = parameters[:, own].expand(*stack.shape, -1)
            yield (
                stack,
                partial(self.density.bits, parameters=expanded, predicted=torch.zeros_like(stack), step=step[:, own]),
            )

    def _by_band(self, log_step: Tensor) -> Tensor:
        """Logarithms of the steps (B, bands) -> (B, bands, 1, 1, 1, size)."""
        batch = log_step.shape[0]
        band = self.embedding.weight.expand(batch, -1, -1)
        output = self.head(self.body(torch.cat((band, log_step.unsqueeze(-1)), dim=-1))) + self.band_head.weight
        return output.view(batch, self.bands, 1, 1, 1, -1)
