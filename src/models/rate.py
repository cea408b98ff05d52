"""Which quantisation step a volume is coded with, and how its rate is weighed against its distortion.

One step width serves all bands. `lmbda` multiplies the rate: the cost of a volume is J = MSE + lmbda * bpp, with the
MSE in squared intensity units.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

HIGH_RATE_SLOPE = math.log(2) / 6
"""-dD/dR / step^2 of uniform quantisation at high rate, D = step^2 / 12 and R = h - log2(step); about 0.1155."""


class FixedRate(nn.Module):
    """One model, one lambda, one trainable step (as published).

    The step starts where `lmbda` is the slope of the high-rate approximation.
    """

    def __init__(self, lmbda: float, step_range: Sequence[float], ladder: Sequence[float]) -> None:
        super().__init__()
        self.lmbda = lmbda
        self.log_step = nn.Parameter(torch.tensor(0.5 * math.log(lmbda / HIGH_RATE_SLOPE)))

    def sample(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Steps and lambdas for `count` training volumes, each (count,) float32."""
        return self.step_of(self.lmbda).expand(count), torch.full((count,), self.lmbda)

    @property
    def qualities(self) -> list[float]:
        """The operating points to evaluate: just its own lambda."""
        return [self.lmbda]

    def step_of(self, quality: float) -> Tensor:
        """The step, a scalar tensor, at the one quality there is."""
        return self.log_step.exp()

    def lmbda_of(self, quality: float) -> float:
        """The lambda of that quality."""
        return self.lmbda


class VariableRate(nn.Module):
    """One model for all rates: training draws a step per volume, log-uniformly from `step_range`.

    The rate is weighed with lmbda = ln(2)/6 * step^2, the slope at which a uniform quantiser trades distortion for
    rate. A quality is a step; `ladder` lists those to evaluate.
    """

    def __init__(self, lmbda: float | None, step_range: Sequence[float], ladder: Sequence[float]) -> None:
        super().__init__()
        self.step_range = (float(step_range[0]), float(step_range[1]))
        self.ladder = [float(step) for step in ladder]

    def sample(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Steps and lambdas for `count` training volumes, each (count,) float32."""
        low, high = (math.log(step) for step in self.step_range)
        step = torch.exp(low + (high - low) * torch.rand(count, generator=generator))
        return step, HIGH_RATE_SLOPE * step**2

    @property
    def qualities(self) -> list[float]:
        """The operating points to evaluate: the ladder of steps."""
        return self.ladder

    def step_of(self, quality: float) -> Tensor:
        """A quality is its step: a scalar tensor."""
        return torch.tensor(quality)

    def lmbda_of(self, quality: float) -> float:
        """The lambda that training would weigh this step with."""
        return HIGH_RATE_SLOPE * quality**2
