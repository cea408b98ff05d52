"""Rounding that weighs what a coefficient costs against what it repairs, in training as encoders of files do it."""

import torch
from torch import Tensor

from .entropy import EntropyModel
from .rate import HIGH_RATE_SLOPE
from .subbands import DETAILS, Subbands


def optimised(entropy: EntropyModel, exact: Subbands, step: Tensor) -> Subbands:
    """Coefficients in quantisation steps -> integers, as float; the gradient passes as if nothing had happened.

    Each is the nearest integer, or the next towards zero where the bits that this saves, at the slope of a uniform
    quantiser at high rate, are worth more than the squared error that it adds. Bits are those in the context of the
    nearest integers; steps are (B,) or (B, bands) in intensity units. Source: Karczewicz et al., "Rate distortion
    optimized quantization", VCEG-AH21 (2008).
    """
    with torch.no_grad():
        nearest = exact.map(torch.round)
        bands = exact.bands()
        chosen: list[Tensor] = []
        for values, bits in entropy.densities(nearest, step):
            own = torch.cat([bands[len(chosen) + k] for k in range(values.shape[1])], dim=1)
            smaller = values - torch.where(values.abs() > own.abs(), values.sign(), 0)
            added = (own - smaller).square() - (own - values).square()
            pays = added < HIGH_RATE_SLOPE * (bits(values) - bits(smaller))
            chosen += torch.where(pays, smaller, values).split(1, dim=1)
    shifts = [band - own for band, own in zip(chosen, bands, strict=True)]
    details = (torch.cat(shifts[k : k + DETAILS], dim=1) for k in range(1, len(shifts), DETAILS))
    return Subbands(
        exact.approx + shifts[0],
        tuple(level + shift for level, shift in zip(exact.details, details, strict=True)),
        exact.size,
    )
