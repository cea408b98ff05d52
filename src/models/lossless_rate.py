"""The one operating point of lossless coding."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import AiwaveError
from .rate import Rate

QUALITY = 0.0
"""Name in tables, as for other lossless codecs."""


class LosslessRate(Rate):
    """Integers coded exactly: step 1 and infinite lambda, so that the cost is the rate alone.

    Takes the arguments of the other rates so that they are one override apart. Raises ValueError for those that have
    no meaning here.
    """

    def __init__(
        self,
        lmbda: float | None = None,
        step_range: Sequence[float] = (),
        ladder: Sequence[float] = (),
        levels: int = 2,
        initial_step: float | None = None,
        per_band: bool = False,
    ) -> None:
        super().__init__(levels, per_band=False)
        if lmbda is not None or initial_step is not None or per_band:
            raise ValueError("lossless coding takes no lmbda, initial_step or per_band: its step is 1")

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
