"""Probability density of a quantised coefficient, given parameters that a network predicts for it."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from ...bounds import Count
from .logistic_mixture import mixture_bits
from .monotone_net import PARAMETERS, monotone_bits

STATIC_QP = 220.0
"""Divisor of coefficients in the published networks, over the step: the unit of their inputs and densities."""


class Density(ABC):
    """A family of densities with `size` parameters per coefficient."""

    size: int

    @abstractmethod
    def bits(
        self, q: Tensor, parameters: Tensor, predicted: Tensor, step: Tensor, half: Tensor | float = 0.5
    ) -> Tensor:
        """-log2 of the probability of every coefficient.

        `q` and `predicted`, the centre of the density, are (B, n, d, h, w) in quantisation steps; `parameters` is
        (B, n, d, h, w, size), perhaps of lower precision, `step` (B,) or (B, n) in intensity units. Returns
        (B, n, d, h, w). A coefficient stands for the interval of half width `half` about `q`, in steps.
        """


class LogisticMixture(Density):
    """Mixture of `components` discretised logistics; each mean is in units of its own scale (see `mixture_bits`)."""

    def __init__(self, components: Count) -> None:
        self.size = 3 * components

    def bits(
        self, q: Tensor, parameters: Tensor, predicted: Tensor, step: Tensor, half: Tensor | float = 0.5
    ) -> Tensor:
        """See `Density.bits`; parameters are logits, means and log scales."""
        logits, means, log_scales = parameters.to(q.dtype).chunk(3, dim=-1)
        return mixture_bits(q, logits, predicted.unsqueeze(-1) + means * log_scales.exp(), log_scales, half)


class Laplace(Density):
    """A discretised Laplace density: mean (in units of the scale) and log scale.

    The probability is F(q + half) - F(q - half), computed from the tails that do not cancel.
    """

    size = 2

    def bits(
        self, q: Tensor, parameters: Tensor, predicted: Tensor, step: Tensor, half: Tensor | float = 0.5
    ) -> Tensor:
        """See `Density.bits`; parameters are the mean and the log scale."""
        mean, log_scale = parameters.to(q.dtype).unbind(dim=-1)
        scale = log_scale.exp()
        distance = (q - predicted - mean * scale).abs()
        # |d| >= half: exp(-|d| / s) sinh(half / s); nearer: 1 - exp(-half / s) cosh(d / s)
        reach = half / scale
        far = -distance / scale + reach + torch.log(-torch.expm1(-2 * reach) / 2)
        inside = torch.minimum(distance / scale, reach)
        near = torch.log1p(-(torch.exp(inside - reach) + torch.exp(-inside - reach)) / 2)
        return torch.where(distance >= half, far, near) / -torch.log(torch.tensor(2.0, dtype=q.dtype, device=q.device))


class MonotoneNet(Density):
    """The published density: a monotone network per coefficient (see `monotone_cdf`), in units of STATIC_QP / step."""

    size = PARAMETERS

    def bits(
        self, q: Tensor, parameters: Tensor, predicted: Tensor, step: Tensor, half: Tensor | float = 0.5
    ) -> Tensor:
        """See `Density.bits`; parameters are those of `monotone_cdf`."""
        width = step.view(*step.shape, *[1] * (5 - step.ndim)) / STATIC_QP
        return monotone_bits((q - predicted) * width, parameters.to(q.dtype), half * width)
