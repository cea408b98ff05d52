"""Binarisation of coefficients into small alphabets: a bin about the centre, subdivisions of the bin, an escape."""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from .constants import COEFFICIENT_LIMIT, PARAMETER_FRACTION, PREDICTION_FRACTION, TOTAL_BITS
from .exact_tables import CDF_STEPS
from .integer_mixture import HALF, WEIGHT_BITS, Mixture
from .tensor_tables import bin_cdf, inverse_scales, looked_up, scale_tables

EDGES = torch.tensor([-12, -8, -5, -3, -2, -1, 0, 1, 2, 3, 4, 6, 9, 13])
"""Lower edges of bins 1 to 14, in units of 4**k from the anchor. Bins 0 and 14 are open."""

WIDTHS = torch.diff(EDGES)
BINS = len(EDGES) + 1
SPLIT = 4
MAX_LOG4 = 10
CHUNK = 12
OFFSET_LIMIT = 2**13
UNITS = torch.tensor([4.0**k for k in range(MAX_LOG4 + 1)])

_TABLE_BITS = 30
"""Probabilities in `bin_table` count in units of 2**-30."""

PHASE_UNIT, PHASE_SPLIT, PHASE_LENGTH, PHASE_DIGITS = 1, 2, 2 + MAX_LOG4, 3 + MAX_LOG4
PHASES = 16


class SymbolCoder(Protocol):
    """Codes a batch of symbols: a recorder returns those it is given, a reader those it reads."""

    def categorical(self, phase: int, rows: Tensor, table: Tensor, symbols: Tensor | None) -> Tensor:
        """Symbols (m,) int64 of the coefficients `rows` (m,); `table` (m, size) float32 holds frequencies minus one."""
        ...

    def uniform(self, phase: int, rows: Tensor, bits: Tensor, symbols: Tensor | None) -> Tensor:
        """Numbers (m,) int64 of `bits` (m,) bits."""
        ...


class Bins(NamedTuple):
    """Bins of each row, which begin at `anchor` + EDGES * 4**`log4`; both (rows,) int64."""

    anchor: Tensor
    log4: Tensor


def code_symbols(mixture: Mixture, coder: SymbolCoder, q: Tensor | None) -> Tensor:
    """Code the coefficients `q` (rows,) int64 of a mixture, or decode them if `q` is None; returns them."""
    if not len(mixture.predicted):
        return torch.empty(0, dtype=torch.int64)
    bins = choose_bins(mixture)
    rows = torch.arange(len(bins.anchor))
    known = None if q is None else torch.bucketize((q - bins.anchor) >> 2 * bins.log4, EDGES, right=True)
    chosen = coder.categorical(0, rows, bin_table(mixture, bins), known)
    closed = ((chosen > 0) & (chosen < BINS - 1)).nonzero().squeeze(1)
    value = bins.anchor + (EDGES[(chosen - 1).clamp(min=0)] << 2 * bins.log4)
    _code_inside(mixture, coder, q, value, closed, WIDTHS[(chosen - 1).clamp(0, BINS - 3)], bins.log4)
    if len(closed) < len(rows):
        _code_escapes(coder, q, value, chosen, bins)
    return value.clamp_(-COEFFICIENT_LIMIT, COEFFICIENT_LIMIT)


def choose_bins(mixture: Mixture) -> Bins:
    """Bins about the mixture's mean: 4**k is between half and twice the mean scale, or 1."""
    scales = looked_up(scale_tables()[2], mixture.scale)
    weighted = mixture.weight * scales
    spread = weighted.sum(dim=0) >> WEIGHT_BITS
    log4 = torch.bucketize(spread, 32 << 2 * torch.arange(MAX_LOG4), right=True)
    bits = WEIGHT_BITS + 4
    offset = (weighted * mixture.mean).sum(dim=0)
    fraction = bits + PARAMETER_FRACTION
    total = (mixture.predicted << (fraction - PREDICTION_FRACTION)) + offset
    centre = (total + (1 << (fraction - 1))) >> fraction
    return Bins(centre - (1 << 2 * log4 >> 1), log4)


def bin_table(mixture: Mixture, bins: Bins) -> Tensor:
    """Frequencies minus one of the 15 bins, (rows, 15) float32; the frequencies sum to 2**24.

    Everything is an integer below 2**24 times a power of two, so that float32 is exact.
    """
    offset = (bins.anchor << PREDICTION_FRACTION) - HALF - mixture.predicted
    offset = (offset >> 2 * bins.log4).clamp(-OFFSET_LIMIT, OFFSET_LIMIT)
    edges = (EDGES << PREDICTION_FRACTION).unsqueeze(1) + offset
    if mixture.second is not None:
        first = (EDGES.unsqueeze(1) << 2 * bins.log4).add_(bins.anchor)
        edges -= mixture.nearer(first, mixture.second) >> 2 * bins.log4
    edges = edges.float()
    cdf, unit = bin_cdf(mixture.family), looked_up(UNITS, bins.log4) * (CDF_STEPS // 2 / 2**PREDICTION_FRACTION)
    total = torch.zeros(edges.shape, dtype=torch.int32)
    factors = looked_up(inverse_scales(), mixture.scale).mul_(unit)
    origins = (2 * mixture.mean - len(cdf) // 2).float()
    for weight, origin, factor in zip(mixture.weight.int(), origins, factors, strict=True):
        at = (edges * factor).floor_().sub_(origin).clamp_(0, len(cdf) - 1).int()
        total += looked_up(cdf, at).mul_(weight)
    if mixture.ends is not None:
        total = mixture.folded(total, (EDGES.unsqueeze(1) << 2 * bins.log4) + bins.anchor, 1 << _TABLE_BITS)
    # 30 bits to 24, minus 16 to leave room for the ones added to the frequencies
    cumulative = (total >> 6) - (total >> 26)
    zero = torch.zeros(1, edges.shape[1], dtype=torch.int32)
    return torch.diff(cumulative, dim=0, prepend=zero, append=zero + (1 << TOTAL_BITS) - BINS).T.float()


def _code_inside(
    mixture: Mixture,
    coder: SymbolCoder,
    q: Tensor | None,
    value: Tensor,
    rows: Tensor,
    units: Tensor,
    log4: Tensor,
) -> None:
    """Narrow `value`, the smallest coefficient of the bin, down to the coefficient, at first in whole units."""
    units = units[rows]
    wide = units > 1
    _split(PHASE_UNIT, mixture, coder, q, value, rows[wide], log4[rows[wide]], units[wide])
    rows = rows[log4[rows] > 0]
    for level in reversed(range(int(log4[rows].max()) if len(rows) else 0)):
        active = rows[log4[rows] > level]
        phase = PHASE_SPLIT + MAX_LOG4 - 1 - level
        _split(phase, mixture, coder, q, value, active, torch.full_like(active, level), torch.full_like(active, SPLIT))


def _split(
    phase: int,
    mixture: Mixture,
    coder: SymbolCoder,
    q: Tensor | None,
    value: Tensor,
    rows: Tensor,
    log4: Tensor,
    count: Tensor,
) -> None:
    """Code one of `count` parts from `value` on, each 4**log4 wide, and move `value` to its start."""
    if not len(rows):
        return
    start = value[rows]
    parts = torch.minimum(torch.arange(SPLIT + 1).unsqueeze(1), count)
    cumulative = mixture.select(rows).cumulative(start + (parts << 2 * log4))
    cumulative = cumulative - cumulative[0] + parts
    free = (1 << TOTAL_BITS) - SPLIT
    table = torch.diff(cumulative * free // cumulative[-1], dim=0).T.float()
    known = None if q is None else (q[rows] - start) >> 2 * log4
    value[rows] = start + (coder.categorical(phase, rows, table, known) << 2 * log4)


def _code_escapes(coder: SymbolCoder, q: Tensor | None, value: Tensor, chosen: Tensor, bins: Bins) -> None:
    """Code coefficients in the open bins, in place: an Exp-Golomb code of the distance from the outermost edge."""
    rows = ((chosen == 0) | (chosen == BINS - 1)).nonzero().squeeze(1)
    above = chosen[rows] > 0
    unit = 1 << 2 * bins.log4[rows]
    low = bins.anchor[rows] + EDGES[0] * unit
    high = bins.anchor[rows] + EDGES[-1] * unit
    distance = None if q is None else torch.where(above, q[rows] - high, low - 1 - q[rows]) + unit
    known = None if distance is None else torch.frexp(distance.double())[1].long() - 1
    length = coder.uniform(PHASE_LENGTH, rows, torch.full_like(rows, 5), known)
    coded = torch.ones_like(rows)
    for k in range(3):
        take = (length - k * CHUNK).clamp(0, CHUNK)
        at = (take > 0).nonzero().squeeze(1)
        if not len(at):
            break
        left = (length - k * CHUNK - take)[at]
        digits = None if distance is None else (distance[at] >> left) & ((1 << take[at]) - 1)
        coded[at] = (coded[at] << take[at]) + coder.uniform(PHASE_DIGITS + k, rows[at], take[at], digits)
    beyond = coded - unit
    value[rows] = torch.where(above, high + beyond, low - 1 - beyond)
