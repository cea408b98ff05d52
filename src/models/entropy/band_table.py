"""Trainable tables indexed by band, with a higher effective learning rate than other weights."""

import torch
from torch import Tensor, nn

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
