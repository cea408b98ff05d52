"""Rate: the quantisation step of a codec, and the lambda that weighs its rate against distortion."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated

import torch
from annotated_types import Len
from torch import Tensor, nn

from ...bounds import LevelsOrNone, Positive
from ...errors import AiwaveError
from ..bands import band_count
from .slopes import HIGH_RATE_SLOPE


class Rate(nn.Module, ABC):
    """The operating points of a codec. A quality is the number by which a user selects one.

    With `per_band`, the step of every band of a transform with `levels` is the codec's step times a trained factor,
    initially 1.
    """

    def __init__(self, levels: int, per_band: bool) -> None:
        super().__init__()
        self.bands = band_count(levels)
        self.log_factor = nn.Parameter(torch.zeros(self.bands)) if per_band else None

    def band_steps(self, step: Tensor) -> Tensor:
        """Steps (B,) -> steps of all bands in coding order, (B, bands), in intensity units."""
        steps = step.unsqueeze(1).expand(-1, self.bands)
        return steps if self.log_factor is None else steps * self.log_factor.exp()

    def known(self, step: Tensor) -> Tensor:
        """Steps (B,) as entropy model and filter know them: the nearest of training. Here there are no others."""
        return step

    @abstractmethod
    def sample(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Steps and lambdas for `count` training volumes, each (count,) float32."""

    @property
    @abstractmethod
    def qualities(self) -> list[float]:
        """The qualities to evaluate."""

    @abstractmethod
    def step_of(self, quality: float) -> Tensor:
        """The quantisation step at a quality, a scalar tensor in intensity units."""

    @abstractmethod
    def lmbda_of(self, quality: float) -> float:
        """The lambda at a quality, in squared intensity units per bit per voxel."""


class FixedRate(Rate):
    """One model, one lambda, one trainable step (as published).

    The step is initialised to `initial_step` or, without one, such that `lmbda` is the slope of the high-rate
    approximation. Raises ValueError without a lambda.
    """

    def __init__(
        self,
        lmbda: Positive | None,
        levels: LevelsOrNone = 2,
        initial_step: Positive | None = None,
        per_band: bool = False,
    ) -> None:
        super().__init__(levels, per_band)
        if lmbda is None:
            raise ValueError("a fixed rate needs a lambda, as in lmbda=9")
        self.lmbda = lmbda
        start = initial_step or math.sqrt(lmbda / HIGH_RATE_SLOPE)
        self.log_step = nn.Parameter(torch.tensor(math.log(start)))

    def sample(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The step and the lambda, repeated."""
        return self.step_of(self.lmbda).expand(count), torch.full((count,), self.lmbda)

    @property
    def qualities(self) -> list[float]:
        """The only operating point, its lambda."""
        return [self.lmbda]

    def step_of(self, quality: float) -> Tensor:
        """The trained step. Raises AiwaveError for any quality but its lambda."""
        if quality != self.lmbda:
            raise AiwaveError(f"This codec was trained for lambda {self.lmbda:g} only, not {quality:g}.")
        return self.log_step.exp()

    def lmbda_of(self, quality: float) -> float:
        """The codec's lambda."""
        return self.lmbda


class VariableRate(Rate):
    """One model for all rates: training draws a step per volume, log-uniformly from `step_range`.

    The rate is weighted by lmbda = ln(2)/6 * step^2, the slope -dD/dR of a uniform quantiser at high rate. A quality is
    a step; `ladder` lists those to evaluate. Raises ValueError for an empty range.
    """

    def __init__(
        self,
        step_range: Annotated[Sequence[Positive], Len(2, 2)],
        ladder: Annotated[Sequence[Positive], Len(1)],
        levels: LevelsOrNone = 2,
        per_band: bool = False,
    ) -> None:
        super().__init__(levels, per_band)
        if not 0 < step_range[0] < step_range[1]:
            raise ValueError(f"step_range must be two increasing positive numbers, not {list(step_range)}")
        self.step_range = (float(step_range[0]), float(step_range[1]))
        self.ladder = [float(step) for step in ladder]

    def known(self, step: Tensor) -> Tensor:
        """Steps (B,) within `step_range`."""
        return step.clamp(*self.step_range)

    def sample(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Randomly drawn steps, and the lambdas that belong to them."""
        low, high = (math.log(step) for step in self.step_range)
        step = torch.exp(low + (high - low) * torch.rand(count, generator=generator))
        return step, HIGH_RATE_SLOPE * step**2

    @property
    def qualities(self) -> list[float]:
        """The operating points to evaluate: the ladder of steps."""
        return self.ladder

    def step_of(self, quality: float) -> Tensor:
        """The quality itself."""
        return torch.tensor(quality)

    def lmbda_of(self, quality: float) -> float:
        """The lambda of this step in training."""
        return HIGH_RATE_SLOPE * quality**2


QUALITY = 0.0
"""Name in tables, as for other lossless codecs."""


class LosslessRate(Rate):
    """Integers coded exactly: step 1 and infinite lambda, so that the cost is the rate alone."""

    def __init__(self, levels: LevelsOrNone = 2) -> None:
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
