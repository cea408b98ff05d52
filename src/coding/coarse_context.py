"""Context from coarser levels: their reconstruction, in exact fixed point."""

from functools import cache

import torch
from torch import Tensor

from ..models.bands import Size
from ..models.subbands import Subbands, bands_of
from ..models.transform.boundary import interleaved
from ..models.transform.layout import Sharing
from ..models.transform.wavelet_transform import WaveletTransform
from ..models.transform.wavelets import Wavelet
from .constants import APPROX_FRACTION, COEFFICIENT_LIMIT, FACTOR_FRACTION
from .tensor_tables import asinh_thresholds

APPROX_LIMIT = COEFFICIENT_LIMIT << (APPROX_FRACTION + 4)
MEAN_SIZE = 5
UNIT = 1 << APPROX_FRACTION


def _fixed(factor: float) -> int:
    return round(factor * 2**FACTOR_FRACTION)


_CDF97 = Wavelet.CDF97.lifting
STEPS = tuple(_fixed(step) for step in _CDF97.steps)
GAINS = _fixed(1 / _CDF97.low_gain), _fixed(1 / _CDF97.high_gain)
FLAT_GAIN = _fixed(1 / _CDF97.flat_gain)


def synthesise_level(low: Tensor, details: Tensor, size: Size, sections: bool = False) -> Tensor:
    """One level of the inverse CDF 9/7 in fixed point, every product rounded to the nearest unit.

    `low` (T, 1, d, h, w) and `details` (T, 7, d, h, w) are int64 in units of 2**-6 steps, `size` (D, H, W) is the size
    before the split; returns (T, 1, D, H, W) in the same units, clamped to rule out overflow. With `sections`, even and
    odd sections are merely interleaved along z.
    """
    parts = [low, *bands_of(details, size)]
    for axis in (4, 3, 2):
        join = interleaved if sections and axis == 2 else _merge
        merged = [join(a, b, axis) for a, b in zip(parts[0::2], parts[1::2], strict=True)]
        parts = [part.clamp(-APPROX_LIMIT, APPROX_LIMIT) for part in merged]
    return parts[0]


@cache
def _reversible(sections: bool) -> WaveletTransform:
    """One level of the reversible 5/3, whose increments are multiples of 1/4, rounded alike by float64 everywhere."""
    sharing = Sharing.SECTIONS if sections else Sharing.ISOTROPIC
    return WaveletTransform(Wavelet.CDF53, levels=1, sharing=sharing, reversible=True).double()


def _merge(low: Tensor, high: Tensor, axis: int) -> Tensor:
    """Undo gains and lifting steps along one axis; the signal is mirrored about its first and last sample."""
    evens, odds = low.shape[axis], high.shape[axis]
    if odds == 0:
        return _times(FLAT_GAIN, low)
    even, odd = (_times(gain, half) for gain, half in zip(GAINS, (low, high), strict=True))
    after = torch.arange(1, odds + 1).clamp(max=evens - 1)
    left, right = torch.arange(-1, evens - 1).clamp(min=0), torch.arange(evens).clamp(max=odds - 1)
    for k in reversed(range(len(STEPS))):
        if k % 2:
            even = even - _times(STEPS[k], odd.index_select(axis, left) + odd.index_select(axis, right))
        else:
            odd = odd - _times(STEPS[k], even.narrow(axis, 0, odds) + even.index_select(axis, after))
    return interleaved(even, odd, axis)


def _times(factor: int, x: Tensor) -> Tensor:
    return (x * factor + (1 << (FACTOR_FRACTION - 1))) >> FACTOR_FRACTION


def in_fixed_point(q: Tensor, halves: bool = False) -> Tensor:
    """Coefficients in steps, or in `halves` of them -> int64 in units of 2**-6."""
    return q.long() << APPROX_FRACTION - halves


def next_approx(
    q: Subbands,
    level: int,
    approx: Tensor | None,
    reversible: bool = False,
    sections: bool = False,
    halves: bool = False,
) -> Tensor:
    """The reconstruction up to and including `level`, from that of the coarser levels (None at the coarsest level).

    By the reversible 5/3, in whole numbers, if `reversible`, otherwise by the 9/7. With `sections` both merely
    interleave along z. Coefficients count in steps or, with `halves`, in half steps.
    """
    low = in_fixed_point(q.approx, halves) if approx is None else approx
    if not reversible:
        return synthesise_level(low, in_fixed_point(q.details[level], halves), q.splits[level], sections)
    whole = Subbands((low >> APPROX_FRACTION).double(), (q.details[level].double(),), q.splits[level])
    exact = _reversible(sections).inverse(whole)
    return in_fixed_point(exact).clamp(-APPROX_LIMIT, APPROX_LIMIT)


def coarse_inputs(approx: Tensor) -> Tensor:
    """(T, 1, d, h, w) in units of 2**-6 steps -> the network's two inputs (T, 2, d, h, w), float32 integers.

    asinh of the reconstruction minus its mean over 5x5x5 (faces repeated), and asinh of the reconstruction itself.
    """
    count = MEAN_SIZE**3
    detail = squash(count * approx - _box_sum(approx), count * UNIT)
    return torch.cat((detail, squash(approx, UNIT)), dim=1)


def _box_sum(x: Tensor) -> Tensor:
    """Sum over 5x5x5, with the faces repeated outside."""
    margin = MEAN_SIZE // 2
    for axis in (2, 3, 4):
        n = x.shape[axis]
        at = torch.arange(n)
        x = sum(x.index_select(axis, (at + k).clamp(0, n - 1)) for k in range(-margin, margin + 1))  # type: ignore[assignment]
    return x


def squash(x: Tensor, unit: int = 1) -> Tensor:
    """asinh(x / unit) in units of 2**-7: int64 -> float32 integers of the same shape."""
    magnitude = torch.bucketize(x.abs(), asinh_thresholds(unit), right=True)
    return (magnitude * x.sign()).to(torch.float32)
