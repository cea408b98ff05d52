"""What every entropy model offers."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..subbands import Subbands


class EntropyModel(nn.Module, ABC):
    """The code length of quantised subbands. `kind` is its name in tables of results."""

    kind: ClassVar[str]

    def forward(self, q: Subbands, step: Tensor) -> Tensor:
        """Subbands of integers and quantisation steps (B,) -> bits of every band, (B, bands), in coding order."""
        return torch.cat([bits.sum(dim=(2, 3, 4)) for bits in self.coefficient_bits(q, step)], dim=1)

    @abstractmethod
    def coefficient_bits(self, q: Subbands, step: Tensor) -> list[Tensor]:
        """Subbands and steps (B,) -> bits of every coefficient: tensors (B, n, d, h, w) of n bands, in coding order."""
