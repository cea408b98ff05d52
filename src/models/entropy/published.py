"""The published entropy model: a separate network for every subband (aiWave-heavy)."""

from collections.abc import Iterator
from functools import partial
from itertools import chain, repeat

import torch
from torch import Tensor, nn

from ...bounds import Count, CountOrNone, Levels
from ..subbands import DETAILS, Subbands
from .base import BitsOf, EntropyModel, per_band
from .density import STATIC_QP, Density
from .long_context import LongContext
from .pixelcnn import PixelCnn


class PublishedContext(EntropyModel):
    """One PixelCNN per band (`channels` wide, `layers` residual blocks), fed by a long context (aiWave, section III).

    15 networks for two levels. Inputs are multiplied by step / 220. Without `long_context`, bands are independent;
    without `short_context`, the networks see zeros in place of the band's own coefficients.
    """

    kind = "context_published"

    def __init__(
        self,
        levels: Levels,
        channels: Count,
        layers: CountOrNone,
        density: Density,
        long_context: bool = True,
        short_context: bool = True,
    ) -> None:
        super().__init__()
        self.levels = levels
        self.density = density
        self.short_context = short_context
        self.long_context = LongContext(levels) if long_context else None
        contexts = [False, *repeat(long_context, DETAILS * levels)]
        self.nets = nn.ModuleList(PixelCnn(channels, layers, density.size, context) for context in contexts)

    def densities(self, q: Subbands, step: Tensor) -> Iterator[tuple[Tensor, BitsOf]]:
        """See `EntropyModel.densities`; one band at a time."""
        step = per_band(step, self.levels)
        x = q.map_with(torch.mul, step / STATIC_QP)
        contexts: list[Tensor | None] = [None]
        contexts += chain.from_iterable(self.long_context(x)) if self.long_context else repeat(None, len(self.nets) - 1)
        own = x if self.short_context else x.map(torch.zeros_like)
        parts = zip(self.nets, q.bands(), own.bands(), contexts, step.split(1, dim=1), strict=True)
        for net, band, before, context, width in parts:
            parameters = net(before, context).movedim(1, -1).unsqueeze(1)
            zero = torch.zeros_like(band)
            yield band, partial(self.density.bits, parameters=parameters, predicted=zero, step=width)
