"""Dependent quantisation: two quantisers, and the choice between them for each coefficient.

Coefficients are in units of the quantisation step. The reconstruction levels of the first quantiser are the integers,
those of the second zero and the half-integers +-1/2, +-3/2, ...; their indices k count from zero outwards. Together
they form a quantiser twice as fine; that each coefficient uses only one of them saves most of the bit that this would
cost. Source: Schwarz et al., "Hybrid video coding with trellis-coded quantization" (DCC 2019), with the step defined as
the distance between levels of one quantiser.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..bands import Size
from .trellis import along, back, best_path, chains, trellis

SECOND = (0, 0, 1, 1, 0, 1)
"""The quantisers of the `candidates`."""

LEAST_MEAN = 0.05


def second_of(halves: Tensor, states: int) -> Tensor:
    """Coefficients (..., d, h, w) in half steps -> 1 where they have the second quantiser, else 0; all int64.

    `states` is the number of states of the trellis. Odd coefficients have the second quantiser and even ones the first,
    but a zero may have either.
    """
    size: Size = halves.shape[-3:]  # type: ignore[assignment]
    chain = chains(size).to(halves.device)
    return back(chain, trellis(states).second(along(chain, parity_of(halves))), size)


def parity_of(halves: Tensor) -> Tensor:
    """Coefficients in half steps -> the parities of their indices, int64; the quantisers need not be known.

    The index is half the magnitude, rounded up in the second quantiser (odd coefficients); that of zero is 0 in both.
    """
    return (halves.abs() + 1) >> 1 & 1


def index_of(halves: Tensor, second: Tensor) -> Tensor:
    """Coefficients in half steps -> their indices in a quantiser; all int64."""
    return (halves + second * halves.sign()) >> 1


def halves_of(index: Tensor, second: Tensor) -> Tensor:
    """The inverse of `index_of`."""
    return 2 * index - second * index.sign()


def cell(values: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Centre and half width of the quantisation cell of each coefficient, in steps, in its quantiser."""
    size = values.abs()
    narrow = (second > 0) & (size < 1)
    centre = torch.where(narrow & (size > 0), 0.625 * values.sign(), values)
    return centre, torch.where(narrow, torch.where(size > 0, 0.375, 0.25), 0.5).to(values.dtype)


def candidates(exact: Tensor) -> Tensor:
    """Coefficients in steps, real numbers -> their candidate values, (6, ...).

    The nearest with even and with odd index in the first quantiser, the same in the second, and zero in either.
    """
    sign, size = torch.where(exact < 0, -1.0, 1.0).to(exact.dtype), exact.abs()
    even = 2 * torch.round(size / 2)
    odd = 2 * torch.floor(size / 2) + 1
    half_odd = 2 * torch.round((size - 0.5) / 2).clamp(min=0) + 0.5
    half_even = torch.where(size < 0.75, 0, 2 * torch.round((size - 1.5) / 2).clamp(min=0) + 1.5)
    zero = torch.zeros_like(size)
    return sign * torch.stack((even, odd, half_even, half_odd, zero, zero))


def rough_bits(exact: Tensor) -> Tensor:
    """Estimated bits of the `candidates` for coefficients (n, d, h, w), from magnitudes around: (6, n, d, h, w).

    Each has a Laplace density about zero, whose width is the mean magnitude of its 3x3x3 neighbourhood (weight 4/5) and
    of the whole band (1/5). That needs no entropy model.
    """
    size = exact.abs()
    near, count = (F.avg_pool3d(F.pad(x, [1] * 6), 3, stride=1) for x in (size, torch.ones_like(size[:1])))
    whole = size.double().mean(dim=(1, 2, 3), keepdim=True).to(size)  # the same for any number of threads
    mean = 0.8 * near / count + 0.2 * whole + LEAST_MEAN
    bits = exact.new_empty(len(SECOND), *exact.shape)
    for kind, (values, which) in enumerate(zip(candidates(exact), SECOND, strict=True)):
        centre, half = cell(values, torch.full_like(values, which))
        distance, reach = centre.abs() / mean, half / mean
        tail = distance - reach - torch.log(-torch.expm1(-2 * reach) / 2)
        bits[kind] = torch.where(distance > reach, tail, -torch.log(-torch.expm1(-reach))) / math.log(2)
    return bits


def chosen(exact: Tensor, bits: Tensor, slope: float, exists: Tensor, states: int) -> Tensor:
    """Coefficients (..., d, h, w) in steps, real numbers -> those to code, multiples of 1/2.

    They minimise the squared errors plus `slope` times the bits, in the trellis with `states` states. `bits`
    (6, ..., d, h, w) are those of the `candidates`; `exists`, broadcast to the bands, masks the coefficients.
    """
    values = candidates(exact)
    cost = (values - exact).square() + slope * torch.where(exists, bits, 0)
    for even, zero in ((0, 4), (2, 5)):
        better = cost[zero] < cost[even]
        cost[even] = torch.where(better, cost[zero], cost[even])
        values[even] = torch.where(better, 0, values[even])
    cost[1::2] = torch.where(exists, cost[1::2], torch.inf)
    values = torch.where(exists, values[:4], 0)
    size: Size = exact.shape[-3:]  # type: ignore[assignment]
    chain = chains(size).to(exact.device)
    ordered = along(chain, cost[:4]).flatten(1, -2).permute(2, 0, 1)
    path, parities = best_path(ordered.contiguous(), trellis(states))
    kind = (2 * (path & 1) + parities).T.reshape(*exact.shape[:-3], *chain.shape)
    return values.gather(0, back(chain, kind, size).unsqueeze(0)).squeeze(0)
