"""Voxel model: one small causal network for the voxels of any scanner, without a transform."""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Annotated, NamedTuple

import torch
import torch.nn.functional as F
from annotated_types import Len
from torch import Tensor, nn

from ...bounds import Count, Positive, Width
from ..neighbours import NEAR, OTHERS, PER_E, REACH, REFERENCE, UNIT_LEVEL, Offset, neighbours
from ..subbands import Subbands
from .base import BitsOf, EntropyModel

OUTSIDE = -(2.0**30)
"""Marks voxels outside a tile."""

FRACTION = 6
RANGE = 32 - 2.0**-FRACTION
"""Inputs count in units of 2**-6, and are less than 32 in magnitude."""

ACTIVATION = 8.0
"""Largest activation of a hidden layer."""

LOG_FLOOR = -24 * math.log(2)
"""Least probability, about, that the coder gives to any voxel."""

LOG_SCALES, MEANS = (-6.0, 14.0), 64.0
"""Bounds of the density's parameters, as in its integer twin."""


class Inputs(NamedTuple):
    """Inputs (B, P, n) at `places` (P,) of tiles; reference and logarithm of the activity, (B, P), in grey levels."""

    values: Tensor
    reference: Tensor
    log_activity: Tensor
    places: Tensor


class VoxelEntropy(EntropyModel):
    """Network on the neighbours of a voxel that precede it, all of them relative to a reference and to their activity.

    Absolute intensities and contrasts of a scanner do not matter, so it holds on others. The reference is a mean of the
    nearest neighbours, the activity their mean absolute difference from it; the network also sees the activity itself,
    in grey levels, how far the tile's lowest voxel is, and whether the voxel lies at the tile's beginning. `radii` say
    which neighbours it sees (see `neighbours`), `widths` how wide the hidden layers are. In training, one voxel in
    `every` stands for all, so that crops are many.

    The density is a mixture of `components` logistics, with scales in units of the activity, folded at the tile's
    lowest and highest voxel: all mass beyond counts as these, as if a scanner had clipped there.
    """

    kind = "voxels"

    def __init__(
        self,
        radii: Annotated[Sequence[Positive], Len(3, 3)],
        widths: Annotated[Sequence[Width], Len(1)],
        components: Width,
        every: Count = 1,
    ) -> None:
        super().__init__()
        self.every = every
        self.offsets = neighbours(radii)
        self.components = components
        sizes = [len(self.offsets) + OTHERS, *widths]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.head = nn.Linear(sizes[-1], self.size)
        self.skip = nn.Linear(sizes[0], self.size, bias=False)
        with torch.no_grad():
            self.skip.weight.zero_()
            self.head.weight.mul_(0.1)
            self.head.bias.zero_()
            self.head.bias[2 * components : -1] = torch.linspace(-1.5, 0.7, components)

    @property
    def size(self) -> int:
        """Outputs: logits, means and log scales of the density, and a shift of all means in units of the activity."""
        return 3 * self.components + 1

    def densities(self, q: Subbands, step: Tensor) -> Iterator[tuple[Tensor, BitsOf]]:
        """See `EntropyModel.densities`; the only band is the volume, without its transform.

        In training, the voxels of one place in `every` stand for all.
        """
        voxels = q.approx[:, 0]
        inputs = self.inputs(voxels, self._places(voxels))
        yield q.approx, partial(self._bits, inputs=inputs, outputs=self.outputs(inputs), tile=voxels)

    def _places(self, voxels: Tensor) -> Tensor:
        """Places in a flat tile whose voxels are coded, (P,): a lattice, whose origin depends on the voxels alone."""
        places = torch.arange(voxels[0].numel(), device=voxels.device)
        if not self.training or self.every == 1:
            return places
        z, y, x = torch.unravel_index(places, voxels.shape[1:])
        return places[(x + 2 * y + 3 * z + int(voxels.double().sum())) % self.every == 0]

    def inputs(self, voxels: Tensor, places: Tensor) -> Inputs:
        """Inputs of the network for tiles (B, D, H, W) of integers, at flat places (P,)."""
        seen = _neighbours(voxels, self.offsets, places)
        weights = torch.tensor(REFERENCE, dtype=seen.dtype, device=seen.device) / 8
        reference = torch.floor(seen[..., : len(NEAR)] @ weights + 0.5)
        lowest = voxels.amin(dim=(1, 2, 3))[:, None, None].expand(-1, len(places), 1)
        seen = torch.cat((seen, lowest), dim=-1) - reference.unsqueeze(-1)
        level = _level(seen[..., : len(NEAR)].abs().mean(dim=-1))
        log_activity = (level - UNIT_LEVEL) / PER_E
        relative = seen * torch.exp(-log_activity).unsqueeze(-1)
        relative = (relative * 2**FRACTION).floor_().div_(2**FRACTION).clamp_(-RANGE, RANGE)
        flags = _flags(voxels.shape[1:], places).expand(len(voxels), -1, -1)
        return Inputs(torch.cat((relative, log_activity.unsqueeze(-1), flags), dim=-1), reference, log_activity, places)

    def outputs(self, inputs: Inputs) -> Tensor:
        """The network's outputs, (B, P, size)."""
        hidden = inputs.values
        for layer in self.hidden:
            hidden = layer(hidden).clamp(0, ACTIVATION)
        outputs: Tensor = self.head(hidden) + self.skip(inputs.values)
        return outputs

    def _bits(self, q: Tensor, inputs: Inputs, outputs: Tensor, tile: Tensor) -> Tensor:
        logits, means, log_scales = outputs[..., :-1].float().chunk(3, dim=-1)
        shift = outputs[..., -1].float() * inputs.log_activity.exp()
        log_scales = (log_scales + inputs.log_activity.unsqueeze(-1)).clamp(*LOG_SCALES)
        values = q.flatten(1)[:, inputs.places]
        ends = (tile.amin(dim=(1, 2, 3)), tile.amax(dim=(1, 2, 3)))
        at_end = [(values == end[:, None]).unsqueeze(-1) for end in ends]
        distance = values - inputs.reference - shift
        bits = folded_bits(distance, logits, means.clamp(-MEANS, MEANS), log_scales, *at_end)
        of_all = bits * (tile[0].numel() / len(inputs.places))
        return torch.zeros_like(q).flatten(1).index_copy(1, inputs.places, of_all).view_as(q)


def folded_bits(
    distance: Tensor, logits: Tensor, means: Tensor, log_scales: Tensor, lowest: Tensor, highest: Tensor
) -> Tensor:
    """-log2 of the probability of integers at a `distance` (...) from the centre; see `mixture_bits`.

    Parameters are (..., K), means in units of their scales. Where `lowest` (..., 1) is true, an integer has all
    probability below it as well, where `highest` is true, all above. None is less probable than 2**-24.
    """
    inverse = torch.exp(-log_scales)
    centred = distance.unsqueeze(-1) * inverse - means
    reach = inverse / 2
    below = F.logsigmoid(centred + reach).masked_fill(highest, 0)
    above = F.logsigmoid(reach - centred).masked_fill(lowest, 0)
    inside = torch.log(-torch.expm1(-2 * reach)).masked_fill(lowest | highest, 0)
    total = torch.logsumexp(below + above + inside + F.log_softmax(logits, dim=-1), dim=-1)
    return torch.logaddexp(total, torch.full_like(total, LOG_FLOOR)) / -math.log(2)


def _neighbours(voxels: Tensor, offsets: Sequence[Offset], places: Tensor) -> Tensor:
    """Neighbours at `offsets` of the places (P,) of tiles (B, D, H, W): (B, P, n).

    Those outside are replaced by `_nearest`.
    """
    padded = F.pad(voxels, (REACH,) * 6, value=OUTSIDE)
    strides = torch.tensor(padded.stride()[1:], device=voxels.device)
    here = torch.stack(torch.unravel_index(places, voxels.shape[1:]), dim=1)
    shifts = torch.tensor(offsets, device=voxels.device) @ strides
    seen = padded.flatten(1)[:, ((here + REACH) @ strides)[:, None] + shifts]
    return torch.where(seen == OUTSIDE, _nearest(voxels).flatten(1)[:, places, None], seen)


def _nearest(voxels: Tensor) -> Tensor:
    """The voxel before each along x; at a row's beginning along y, then z; the lowest voxel for the very first."""
    fill = F.pad(voxels, (1, 0))[..., :-1]
    fill[..., 1:, 0] = voxels[..., :-1, 0]
    fill[:, 1:, 0, 0] = voxels[:, :-1, 0, 0]
    fill[:, 0, 0, 0] = voxels.amin(dim=(1, 2, 3))
    return fill


def _level(activity: Tensor) -> Tensor:
    """Activities in grey levels -> levels (see `PER_E`)."""
    level = torch.round(PER_E * activity.clamp_min(1e-3).log()) + UNIT_LEVEL
    return torch.where(activity == 0, 0, level)


def _flags(size: Sequence[int], places: Tensor) -> Tensor:
    """Ones where a place lies at the beginning of its tile (d, h, w), (P, 4); see `FLAGS`."""
    z, y, x = torch.unravel_index(places, tuple(size))
    return torch.stack((z == 0, z == 1, y == 0, x == 0), dim=1).float()
