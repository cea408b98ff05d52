"""Bits of the candidates of dependent quantisation before any look at the entropy model, from magnitudes around.

The encoder's estimate in integers, hence the same on every machine; training has that of `rough_bits` in
`models.quantisation.dependent`, in floating point.
"""

import torch
from torch import Tensor

from ..models.quantisation.dependent import SECOND, candidates
from .rough_tables import BITS_FRACTION, FRACTION, LEAST_EXPONENT, MANTISSA, rough_tables


def rough_bits(exact: Tensor) -> Tensor:
    """Estimated bits of the `candidates` for coefficients (T, d, h, w) float32: (6, T, d, h, w) float32.

    Each has a Laplace density about zero, whose width is the mean magnitude of its 3x3x3 neighbourhood (weight 4/5) and
    of the whole band (1/5).
    """
    size = torch.round(exact.abs() * 2**FRACTION).long()
    whole = size.sum(dim=(1, 2, 3), keepdim=True) // size[0].numel()
    width = 4 * _box_sum(size) // _box_sum(torch.ones_like(size[:1])) + whole + 2**LEAST_EXPONENT
    exponent = torch.frexp(width.double())[1].long() - 1
    mantissa = (width >> (exponent - MANTISSA)) & (2**MANTISSA - 1)
    per_width, cells = (torch.from_numpy(table).long() for table in rough_tables())
    cell = cells[(exponent - LEAST_EXPONENT << MANTISSA) + mantissa]
    bits = exact.new_empty(len(SECOND), *exact.shape)
    for kind, (values, second) in enumerate(zip(candidates(exact), SECOND, strict=True)):
        quarters = (4 * values.abs()).long()
        inner = (quarters - 2).clamp(min=1) * per_width[mantissa] >> (exponent - LEAST_EXPONENT)
        other = cell[..., 2] if second == 0 else torch.where(quarters < 4, cell[..., 3], cell[..., 2])
        total = torch.where(quarters == 0, cell[..., second], other + inner)
        bits[kind] = total.float() / 2**BITS_FRACTION
    return bits


def _box_sum(x: Tensor) -> Tensor:
    """Sums over 3x3x3, with zeros outside: (n, d, h, w) int64 -> the same shape."""
    for axis in (1, 2, 3):
        total, n = x.clone(), x.shape[axis] - 1
        total.narrow(axis, 0, n).add_(x.narrow(axis, 1, n))
        total.narrow(axis, 1, n).add_(x.narrow(axis, 0, n))
        x = total
    return x
