"""Rounding that weighs what a coefficient costs against what it repairs, in training as encoders of files do it."""

from itertools import islice

import torch
from torch import Tensor

from .dependent import SECOND, SLOPE_GAIN, candidates, chosen, rough_bits
from .entropy import EntropyModel
from .entropy.dependent_bits import DependentBits
from .rate import HIGH_RATE_SLOPE
from .subbands import DETAILS, Subbands, existing


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
        coded: list[Tensor] = []
        for values, bits in entropy.densities(nearest, step):
            own = torch.cat([bands[len(coded) + k] for k in range(values.shape[1])], dim=1)
            smaller = values - torch.where(values.abs() > own.abs(), values.sign(), 0)
            added = (own - smaller).square() - (own - values).square()
            pays = added < HIGH_RATE_SLOPE * (bits(values) - bits(smaller))
            coded += torch.where(pays, smaller, values).split(1, dim=1)
    return _straight_through(exact, coded)


def dependent(entropy: EntropyModel, exact: Subbands, step: Tensor, weighed: bool) -> Subbands:
    """The same for an entropy model with dependent quantisation: -> multiples of half a step.

    The path through the trellis weighs squared errors and bits at the slope of its quantisers. Bits are
    those in the context of the nearest integers or, if not `weighed`, a rough guess (see `rough_bits`).
    """
    with torch.no_grad():
        nearest, sizes = exact.map(torch.round), iter(exact.band_sizes())
        bands, coded = exact.bands(), list[Tensor]()
        for values, bits in entropy.densities(nearest, step) if weighed else ((x, None) for x in exact.level_stacks()):
            own = torch.cat([bands[len(coded) + k] for k in range(values.shape[1])], dim=1)
            exists = existing(torch.ones_like(own[:1]), list(islice(sizes, values.shape[1]))) > 0
            if isinstance(bits, DependentBits):
                cost = torch.stack([bits(x, which) for x, which in zip(candidates(own), SECOND, strict=True)])
            else:
                cost = rough_bits(own.flatten(0, 1)).unflatten(1, own.shape[:2])
            coded += chosen(own, cost, SLOPE_GAIN * HIGH_RATE_SLOPE, exists).split(1, dim=1)
    return _straight_through(exact, coded)


def _straight_through(exact: Subbands, coded: list[Tensor]) -> Subbands:
    """The bands `coded`, (B, 1, d, h, w) in coding order, with the gradient of `exact`."""
    shifts = [(band - own).detach() for band, own in zip(coded, exact.bands(), strict=True)]
    details = (torch.cat(shifts[k : k + DETAILS], dim=1) for k in range(1, len(shifts), DETAILS))
    return Subbands(
        exact.approx + shifts[0],
        tuple(level + shift for level, shift in zip(exact.details, details, strict=True)),
        exact.size,
    )
