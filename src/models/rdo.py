"""Rate-distortion optimised quantisation in training, as in the encoder of files."""

from collections.abc import Iterable
from itertools import islice
from typing import cast

import torch
from torch import Tensor

from .entropy.base import EntropyModel
from .entropy.density import DependentBits
from .quantisation.dependent import SECOND, candidates, chosen, rough_bits
from .quantisation.slopes import HIGH_RATE_SLOPE, SLOPE
from .subbands import Subbands, places


def optimised(entropy: EntropyModel, exact: Subbands, step: Tensor) -> Subbands:
    """Coefficients in quantisation steps -> integers, as float, with a straight-through gradient.

    Each is the nearest integer, or the next towards zero where the bits saved, at the slope of a uniform quantiser at
    high rate, outweigh the squared error added. Bits are those in the context of the nearest integers; steps are (B,)
    or (B, bands) in intensity units. Source: Karczewicz et al., "Rate distortion optimized quantization", VCEG-AH21
    (2008).
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


def dependent(entropy: EntropyModel, exact: Subbands, step: Tensor, looks: int) -> Subbands:
    """The same for an entropy model with dependent quantisation, level by level: -> multiples of 1/2.

    The path through the trellis weighs squared errors against bits at the slope of its quantisers. Bits are first a
    rough estimate (see `rough_bits`), then, `looks` times, those in the context of the previous choice.
    """
    with torch.no_grad():
        stacks = list(exact.level_stacks())
        rough = (rough_bits(stack.flatten(0, 1)).unflatten(1, stack.shape[:2]) for stack in stacks)
        coded = _paths(exact, rough, entropy.states)
        for _ in range(looks):
            densities = entropy.densities(_straight_through(exact, coded), step)
            levels = ((own, cast(DependentBits, bits)) for own, (_, bits) in zip(stacks, densities, strict=True))
            coded = _paths(exact, (_bits(own, bits) for own, bits in levels), entropy.states)
    return _straight_through(exact, coded)


def _bits(exact: Tensor, bits: DependentBits) -> Tensor:
    """Cost in bits of the `candidates` for coefficients (B, n, d, h, w): (6, B, n, d, h, w)."""
    return torch.stack([bits(values, which) for values, which in zip(candidates(exact), SECOND, strict=True)])


def _paths(exact: Subbands, costs: Iterable[Tensor], states: int) -> list[Tensor]:
    """The best paths, (B, 1, d, h, w) by band, given the bits `costs` of the `candidates` for each level."""
    coded, sizes = list[Tensor](), iter(exact.band_sizes())
    for own, cost in zip(exact.level_stacks(), costs, strict=True):
        exists = places(list(islice(sizes, own.shape[1])), own)
        coded += chosen(own, cost, SLOPE, exists, states).split(1, dim=1)
    return coded


def _straight_through(exact: Subbands, coded: list[Tensor]) -> Subbands:
    """The bands `coded`, (B, 1, d, h, w) in coding order, with the gradient of `exact`."""
    bands = zip(coded, exact.bands(), strict=True)
    return Subbands.of_bands([own + (band - own).detach() for band, own in bands], exact.size)
