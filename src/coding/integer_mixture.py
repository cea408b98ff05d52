"""Integer densities: cumulative probabilities of quantised coefficients, without exp or log."""

from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor

from .constants import COEFFICIENT_LIMIT, PARAMETER_FRACTION, PREDICTION_FRACTION
from .exact_tables import CDF_RANGE, CDF_STEPS, LOG_SCALE_MAX, LOG_SCALE_MIN, PROBABILITY_BITS, WEIGHT_DROP
from .integer_density import IntegerDensity
from .tensor_tables import cdf, looked_up, scale_tables, softmax_weights

WEIGHT_BITS = 14

MEAN_LIMIT = 64 << PARAMETER_FRACTION

X_FRACTION = 20
"""In the fine evaluation, arguments of the tabulated function count in units of 2**-20."""

HALF = 1 << (PREDICTION_FRACTION - 1)

_RAISE = X_FRACTION - PREDICTION_FRACTION

_CDF_BITS = CDF_STEPS.bit_length() - 1


@dataclass(frozen=True)
class Mixture:
    """Mixtures of `rows` coefficients, with K components each.

    `weight` (K, rows) sums to 2**14 over K; `mean` (K, rows), in the component's scale and units of 2**-8; `scale`
    (K, rows) indexes `scale_tables`; `predicted` (rows,) is the origin, in units of 2**-8 steps. All int64. `second`
    (rows,) is 1 where a coefficient is an index in the second quantiser of dependent quantisation, else 0; None if it
    is nowhere. With `ends`, lowest and highest integers (rows,), all probability beyond them counts as theirs.
    """

    family: str
    weight: Tensor
    mean: Tensor
    scale: Tensor
    predicted: Tensor
    second: Tensor | None = None
    ends: tuple[Tensor, Tensor] | None = None

    def within(self, lowest: Tensor, highest: Tensor) -> "Mixture":
        """The same mixtures with these `ends`."""
        return replace(self, ends=(lowest, highest))

    def select(self, rows: Tensor) -> "Mixture":
        """Mixtures of the rows with these indices."""
        weight, mean, scale = (part.index_select(1, rows) for part in (self.weight, self.mean, self.scale))
        second = None if self.second is None else self.second.index_select(0, rows)
        ends = None if self.ends is None else (self.ends[0].index_select(0, rows), self.ends[1].index_select(0, rows))
        return Mixture(self.family, weight, mean, scale, self.predicted.index_select(0, rows), second, ends)

    def position(self, edge: Tensor) -> Tensor:
        """Upper end of the interval that is coded as less than `edge` (m, rows), in units of 2**-8 steps; int64.

        It lies half a step below `edge`; the second quantiser moves it half a step towards zero, a quarter step next to
        zero itself.
        """
        position = (edge << PREDICTION_FRACTION) - HALF
        return position if self.second is None else position - self.nearer(edge, self.second)

    @staticmethod
    def nearer(edge: Tensor, second: Tensor) -> Tensor:
        """Shift that the second quantiser subtracts in `position`, in the same units; 0 for the first quantiser."""
        return (edge * HALF).sub_(HALF // 2).clamp_(-HALF, HALF).mul_(second)

    def cumulative(self, edge: Tensor) -> Tensor:
        """Probability that a coefficient is less than `edge`: (m, rows) int64 -> (m, rows) int64, in units of 2**-38.

        The function is interpolated between its tabulated points.
        """
        mantissa, shift, _ = scale_tables()
        distance = self.position(edge) - self.predicted
        total = torch.zeros_like(edge)
        factors, shifts = (looked_up(table, self.scale) for table in (mantissa << _RAISE, shift))
        origins = (self.mean << (X_FRACTION - PARAMETER_FRACTION)) - (CDF_RANGE << X_FRACTION)
        for weight, factor, bits, origin in zip(self.weight, factors, shifts, origins, strict=True):
            x = (distance * factor >> bits).sub_(origin).clamp_(0, (2 * CDF_RANGE << X_FRACTION) - 1)
            total += _interpolated(self.family, x).mul_(weight)
        return self.folded(total, edge, 1 << PROBABILITY_BITS)

    def folded(self, total: Tensor, edge: Tensor, everything: int) -> Tensor:
        """Probabilities `total` of less than `edge`, both (m, rows), with what lies beyond the ends counted as these.

        `everything` is the probability 1.
        """
        if self.ends is None:
            return total
        lowest, highest = self.ends
        return total.masked_fill_(edge <= lowest, 0).masked_fill_(edge > highest, everything)


def _interpolated(family: str, x: Tensor) -> Tensor:
    """The tabulated function at x in units of 2**-20 from its first point, in units of 2**-24; int64."""
    bits = X_FRACTION - _CDF_BITS
    values, steps = _points(family)
    at = x >> bits
    rest = x & ((1 << bits) - 1)
    return looked_up(steps, at).mul_(rest).bitwise_right_shift_(bits).add_(looked_up(values, at))


def mixture(density: IntegerDensity, parameters: Tensor, predicted: Tensor, second: Tensor | None = None) -> Mixture:
    """Parameters (rows, size) of a density in units of 2**-8 and predictions (rows,), int64 in 2**-8 -> mixtures.

    `second` (rows,) as in `Mixture`.
    """
    columns = parameters.T.long()
    k = density.components
    mean, log_scale = columns[-2 * k : -k], columns[-k:]
    low, high = LOG_SCALE_MIN << PARAMETER_FRACTION, LOG_SCALE_MAX << PARAMETER_FRACTION
    limit = COEFFICIENT_LIMIT << PREDICTION_FRACTION
    return Mixture(
        density.family,
        _weights(columns[:k]) if density.size == 3 * k else torch.full_like(mean, 1 << WEIGHT_BITS),
        mean.clamp(-MEAN_LIMIT, MEAN_LIMIT),
        log_scale.clamp(low, high) - low,
        predicted.clamp(-limit, limit),
        second,
    )


def _weights(logits: Tensor) -> Tensor:
    """Logits (K, rows) in units of 2**-8 -> weights that sum to 2**14, the first component taking what is left."""
    drop = (logits.amax(dim=0) - logits).clamp(max=WEIGHT_DROP << PARAMETER_FRACTION)
    parts = looked_up(softmax_weights(), drop)
    weights = (parts << WEIGHT_BITS) // parts.sum(dim=0)
    weights[0] = (1 << WEIGHT_BITS) - weights[1:].sum(dim=0)
    return weights


@cache
def _points(family: str) -> tuple[Tensor, Tensor]:
    """The tabulated function at every point but the last, and its steps to the next; int64."""
    table = cdf(family)
    return table[:-1].contiguous(), torch.diff(table)
