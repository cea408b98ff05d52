"""Densities of coefficients, and the code lengths of their quantisation intervals."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from ...bounds import Width
from ..quantisation.dependent import cell, second_of


def mixture_bits(q: Tensor, logits: Tensor, means: Tensor, log_scales: Tensor, half: Tensor | float = 0.5) -> Tensor:
    """-log2 of the probability of every coefficient, without underflow for unlikely ones.

    `q` is (...), `half` (...) or a number; `logits`, `means`, `log_scales` are (..., K), means and scales in
    quantisation steps. p(q) = sum_k w_k [S((q + half - m_k) / s_k) - S((q - half - m_k) / s_k)] with the logistic
    function S (Salimans et al., "PixelCNN++", 2017). Each difference is computed as S(b) S(-a) (1 - exp(a - b)), whose
    logarithm is accurate in both tails.
    """
    inverse = torch.exp(-log_scales)
    centred = q.unsqueeze(-1) - means
    reach = (half.unsqueeze(-1) if isinstance(half, Tensor) else half) * inverse
    centred = centred * inverse
    log_p = F.logsigmoid(centred + reach) + F.logsigmoid(reach - centred) + torch.log(-torch.expm1(-2 * reach))
    total = torch.logsumexp(log_p + F.log_softmax(logits, dim=-1), dim=-1)
    return total / -math.log(2)


WIDTHS = (1, 3, 3, 3, 3, 1)

SHAPES = tuple(zip(WIDTHS[1:], WIDTHS[:-1], strict=True))

MATRICES = [rows * columns for rows, columns in SHAPES]

BIASES = [rows for rows, _ in SHAPES]

GATES = BIASES[:-1]

PARAMETERS = sum(MATRICES) + sum(BIASES) + sum(GATES)

FLOOR = 1e-9


def monotone_cdf(x: Tensor, parameters: Tensor) -> Tensor:
    """F(x) between 0 and 1, monotone in x: x (...) and parameters (..., 58) -> (...).

    Source: Ballé et al., "Variational image compression with a scale hyperprior" (2018), section 6.1, with the
    parameters predicted for every coefficient (aiWave): first all matrices (made positive by softplus), then all
    biases, then the gates. v <- H v + b, then v <- v + tanh(a) tanh(v) except at the end, then the logistic function.
    """
    matrices, biases, gates = parameters.split([sum(MATRICES), sum(BIASES), sum(GATES)], dim=-1)
    v = x.unsqueeze(-1)
    layers = zip(SHAPES, F.softplus(matrices).split(MATRICES, -1), biases.split(BIASES, -1), strict=True)
    gate = iter(torch.tanh(gates).split(GATES, -1))
    for (rows, columns), matrix, bias in layers:
        v = (matrix.unflatten(-1, (rows, columns)) @ v.unsqueeze(-1)).squeeze(-1) + bias
        if rows > 1:
            v = v + next(gate) * torch.tanh(v)
    return torch.sigmoid(v.squeeze(-1))


def monotone_bits(x: Tensor, parameters: Tensor, half: Tensor | float) -> Tensor:
    """-log2 [F(x + half) - F(x - half)], at most about 29.9 bits: x (...), parameters (..., 58) -> (...).

    `half` is the half width of the interval around x, such as half a quantisation step, in units of x, broadcastable.
    """
    with torch.autocast(x.device.type, enabled=False):  # the difference below needs every digit
        p = monotone_cdf(x + half, parameters) - monotone_cdf(x - half, parameters)
    return -torch.log2(p.clamp_min(FLOOR))


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

    def __init__(self, components: Width) -> None:
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


@dataclass(frozen=True, eq=False)
class DependentBits:
    """Bits of the bands `stack` (B, n, d, h, w), multiples of half a step, or of other values in their place.

    `states` is the number of states of the trellis. For the arguments of the density see `Density.bits`; `parameters`
    returns its parameters, given a mask (B, n, d, h, w) that is 1 for the second quantiser, else 0.
    """

    density: Density
    stack: Tensor
    states: int
    parameters: Callable[..., Tensor]
    predicted: Tensor
    step: Tensor
    _known: dict[int, Tensor] = field(default_factory=dict)

    def __call__(self, values: Tensor, second: int | None = None) -> Tensor:
        """Values (B, n, d, h, w) -> their bits, in one of the quantisers, or in those of the trellis along `stack`."""
        if second is None:
            which = second_of((2 * self.stack).round().long(), self.states)
        else:
            which = torch.full_like(values, second, dtype=torch.int64)
        centre, half = cell(values, which)
        return self.density.bits(centre, self._parameters(which, second), self.predicted, self.step, half)

    def _parameters(self, which: Tensor, second: int | None) -> Tensor:
        """The density's parameters; those of a single quantiser are cached."""
        if second is None:
            return self.parameters(second=which)
        if second not in self._known:
            self._known[second] = self.parameters(second=which)
        return self._known[second]
