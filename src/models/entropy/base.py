"""The interface of entropy models, and their tables by band."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from itertools import islice
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..bands import band_count
from ..quantisation.codes import FIRST_STATES
from ..subbands import Subbands, existing

GAIN = 10.0


class BandTable(nn.Module):
    """A row of `shape` for each of `bands`, initialised to a normal distribution with standard deviation `std`.

    Adam moves every weight by about the learning rate, however steep the loss, while bands differ by several units,
    above all in scale. The table is therefore `GAIN` times its parameter: it learns `GAIN` times as fast as a conv.
    """

    def __init__(self, bands: int, *shape: int, std: float = 0.0) -> None:
        super().__init__()
        self.scaled = nn.Parameter(torch.randn(bands, *shape) * (std / GAIN))

    @property
    def weight(self) -> Tensor:
        """The complete table, (bands, *shape)."""
        return self.scaled * GAIN

    def forward(self, ids: Tensor) -> Tensor:
        """The rows of bands (n,): (n, *shape)."""
        return self.scaled[ids] * GAIN


BitsOf = Callable[[Tensor], Tensor]


class EntropyModel(nn.Module, ABC):
    """Model of the code length of quantised subbands. `kind` is its name in tables of results.

    A `dependent` model takes multiples of half a step, the output of dependent quantisation, instead of integers (see
    `quantisation/dependent.py`), in a trellis with `states` states; its bit functions are then `DependentBits`.
    """

    kind: ClassVar[str]
    dependent = False
    states = FIRST_STATES

    def forward(self, q: Subbands, step: Tensor) -> Tensor:
        """Subbands of integers and steps -> bits of every band, (B, bands), in coding order.

        A `dependent` model takes multiples of 1/2 along the trellis. Steps are (B,), or (B, bands) if every band has
        its own.
        """
        return torch.cat([bits.sum(dim=(2, 3, 4)) for bits in self.coefficient_bits(q, step)], dim=1)

    def coefficient_bits(self, q: Subbands, step: Tensor) -> list[Tensor]:
        """Subbands and steps -> bits of every coefficient: tensors (B, n, d, h, w) of n bands, in coding order.

        Zero where bands have no coefficients.
        """
        sizes = iter(q.band_sizes())
        bits = (of(values) for values, of in self.densities(q, step))
        return [existing(each, list(islice(sizes, each.shape[1]))) for each in bits]

    @abstractmethod
    def densities(self, q: Subbands, step: Tensor) -> Iterator[tuple[Tensor, BitsOf]]:
        """Groups of bands (B, n, d, h, w) in coding order, each with a function that returns its coefficients' bits.

        That function also takes other values of the same shape, to be coded with the coefficients themselves as
        context.
        """


def per_band(step: Tensor, levels: int) -> Tensor:
    """Steps (B,) or (B, bands) -> (B, bands)."""
    return step if step.ndim == 2 else step.unsqueeze(1).expand(-1, band_count(levels))
