"""Dependent quantisation: two quantisers, and which of them each coefficient has.

Coefficients count in quantisation steps. The first quantiser has the whole numbers, the second zero and the halves
between them, +-1/2, +-3/2, ...; their indices k count from zero outwards. Together they are a quantiser twice as fine;
that each coefficient has one of them alone saves most of the bit that this would cost. Source: Schwarz et al., "Hybrid
video coding with trellis-coded quantization" (DCC 2019), with steps as the distance within a quantiser.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .rate import HIGH_RATE_SLOPE
from .subbands import Size
from .trellis import along, back, best_path, chains, trellis

SECOND = (0, 0, 1, 1, 0, 1)
"""The quantisers of the `candidates`."""

SLOPE = 0.63 * HIGH_RATE_SLOPE
"""At which squared errors, in squared steps, are weighed against bits.

At high rate it would be 0.79 of a uniform quantiser's with eight states, since they gain 1 dB; four fifths of that
gave the best curves then (measured), and with 256 states, where it would be 0.75, a tenth more or less gives no better
ones.
"""

LOOKS = 2
"""Passes of an encoder that weigh bits in the context of the previous choice; training makes one."""

LEAST_MEAN = 0.05


def second_of(halves: Tensor, states: int) -> Tensor:
    """Coefficients (..., d, h, w) in half steps -> 1 where they have the second quantiser, else 0; all int64.

    `states` is how many the trellis has. That of an odd coefficient is the second and that of an even one the first,
    but a zero may have either.
    """
    size: Size = halves.shape[-3:]  # type: ignore[assignment]
    chain = chains(size).to(halves.device)
    return back(chain, trellis(states).second(along(chain, parity_of(halves))), size)


def parity_of(halves: Tensor) -> Tensor:
    """Coefficients in half steps -> the parities of their indices, whose quantisers need not be known; int64.

    The index is half the magnitude, in the second quantiser (odd ones) rounded up; that of zero is 0 in both.
    """
    return (halves.abs() + 1) >> 1 & 1


def index_of(halves: Tensor, second: Tensor) -> Tensor:
    """Coefficients in half steps -> their indices in a quantiser; all int64."""
    return (halves + second * halves.sign()) >> 1


def halves_of(index: Tensor, second: Tensor) -> Tensor:
    """The inverse of `index_of`."""
    return 2 * index - second * index.sign()


def cell(values: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Of coefficients in steps: centre and half width of what is nearest to each in its quantiser."""
    size = values.abs()
    narrow = (second > 0) & (size < 1)
    centre = torch.where(narrow & (size > 0), 0.625 * values.sign(), values)
    return centre, torch.where(narrow, torch.where(size > 0, 0.375, 0.25), 0.5).to(values.dtype)


def candidates(exact: Tensor) -> Tensor:
    """Coefficients in steps, real numbers -> what each may become, (6, ...).

    The nearest with even and with odd index in the first quantiser, the same in the second, and zero in both.
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

    Each has a Laplace density about zero, as wide as the mean magnitude of its 3x3x3 neighbours and, for a fifth, of
    the whole band. That needs no entropy model.
    """
    size = exact.abs()
    near, count = (F.avg_pool3d(F.pad(x, [1] * 6), 3, stride=1) for x in (size, torch.ones_like(size[:1])))
    whole = size.double().mean(dim=(1, 2, 3), keepdim=True).to(size)  # by any number of threads the same
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

    They make the sum of squared errors and `slope` times bits least, in the trellis with so many `states`. `bits`
    (6, ..., d, h, w) are those of the `candidates`; `exists` says, broadcast to the bands, where coefficients are.
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
