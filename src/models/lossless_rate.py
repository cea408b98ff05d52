"""The one operating point of lossless coding."""

import math

import torch
from torch import Tensor

from ..bounds import Levels
from ..errors import AiwaveError
from .rate import Rate

QUALITY = 0.0
"""Name in tables, as for other lossless codecs."""


class LosslessRate(Rate):
    """Integers coded exactly: step 1 and infinite lambda, so that the cost is the rate alone."""

    def __init__(self, levels: Levels = 2) -> None:
        super().__init__(levels, per_band=False)

    def sample(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Steps of 1 and infinite lambdas."""
        return torch.ones(count), torch.full((count,), math.inf)

    @property
    def qualities(self) -> list[float]:
        """The only quality, 0."""
        return [QUALITY]

    def step_of(self, quality: float) -> Tensor:
        """The step, 1. Raises AiwaveError for any quality but 0."""
        if quality != QUALITY:
            raise AiwaveError(f"This codec is lossless, it has no quality {quality:g}: leave qualities out.")
        return torch.tensor(1.0)

    def lmbda_of(self, quality: float) -> float:
        """Infinity."""
        return math.inf
