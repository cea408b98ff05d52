"""The trellis of dependent quantisation: which quantiser comes next, and the best path through it.

Source: Marcellin and Fischer, "Trellis coded quantization of memoryless and Gauss-Markov sources" (1990), with the
parities of indices in place of codes for subsets (Schwarz et al., "Hybrid video coding with trellis-coded
quantization", DCC 2019).
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from .subbands import Size

POLYNOMIALS = {8: (0o17, 0o2), 64: (0o103, 0o24), 256: (0o515, 0o362)}
"""By how many states there are: what the last quantisers and the last parities add to the next quantiser.

Bit i is the weight of what was i places before, modulo 2. Source: Ungerboeck, "Trellis-coded modulation with redundant
signal sets, part II" (1987), table I, but for eight states, whose code is another one that gains as much.
"""

WORK = 1 << 26
"""Ways that are kept at once on CPUs, one byte each."""


@dataclass(frozen=True)
class Trellis:
    """One of the codes: `states` is 8, 64 or 256. The more there are, the less error there is at the same rate.

    State 0 is the first. In odd states coefficients have the second quantiser.
    """

    states: int

    @cached_property
    def next(self) -> Tensor:
        """The state after each, by the parity of the index that was chosen in it: (states, 2) int64."""
        quantisers, parities = POLYNOMIALS[self.states]
        state, parity = torch.arange(self.states).unsqueeze(1), torch.arange(2)
        return state >> 1 ^ (quantisers >> 1) * (state & 1) ^ (parities >> 1) * parity

    @cached_property
    def before(self) -> Tensor:
        """The two ways into each state, (2, states) int64, as 2 * state + parity of what comes before."""
        return self.next.flatten().argsort(stable=True).view(-1, 2).T.contiguous()

    @lru_cache(maxsize=16)  # noqa: B019  # there are three trellises
    def response(self, length: int) -> Tensor:
        """To which quantisers of a chain every odd parity in it adds one, modulo 2: (length, length) float64."""
        state, ones = torch.tensor(0), [0] * length
        for place in range(length):
            ones[place] = int(state) & 1
            state = self.next[state, int(place == 0)]
        later = torch.arange(length) - torch.arange(length).unsqueeze(1)
        return torch.where(later < 0, 0, torch.tensor(ones)[later.clamp(min=0)]).double()


trellis = lru_cache(Trellis)
"""The trellis with so many states."""


@lru_cache(maxsize=16)
def chains(size: Size) -> Tensor:
    """The positions of a band (d, h, w) in the order of the trellis: (n, length) raster indices, -1 after the end.

    A chain runs along x and goes on in another row, which begins where t = x + 2y + 4z is larger than wherever the
    chain has been: a decoder that works through fronts of equal t then knows every state in time. Long chains are
    better, since the first state of each is not free.
    """
    depth, height, width = size
    every_y = min(-(-width // 2), height)
    rows = -(-height // every_y)
    every_z = min(-(-(width + 2 * (rows - 1) * every_y) // 4), depth)
    planes = -(-depth // every_z)
    z, first_z, y, first_y, x = torch.meshgrid(
        *(torch.arange(n) for n in (planes, every_z, rows, every_y, width)), indexing="ij"
    )
    z, y = z * every_z + first_z, y * every_y + first_y
    raster = torch.where((z < depth) & (y < height), (z * height + y) * width + x, -1)
    chain = raster.permute(1, 3, 0, 2, 4).reshape(every_z * every_y, -1)
    chain = chain[(chain >= 0).any(dim=1)]
    return chain.gather(1, torch.argsort((chain < 0).long(), dim=1, stable=True))


def along(chain: Tensor, band: Tensor, outside: float = 0) -> Tensor:
    """Values of bands (..., d, h, w) -> along the chains (n, length): (..., n, length)."""
    values = band.flatten(-3)[..., chain.clamp(min=0).flatten()].unflatten(-1, chain.shape)
    return torch.where(chain < 0, outside, values)


def back(chain: Tensor, values: Tensor, size: Size) -> Tensor:
    """Values along the chains (..., n, length) -> bands (..., d, h, w); the inverse of `along`."""
    exists = (chain >= 0).flatten()
    band = values.new_zeros(*values.shape[:-2], size[0] * size[1] * size[2])
    band[..., chain.flatten()[exists]] = values.flatten(-2)[..., exists]
    return band.unflatten(-1, size)


def best_path(cost: Tensor, code: Trellis) -> tuple[Tensor, Tensor]:
    """The cheapest path through each of n chains, by the algorithm of Viterbi.

    `cost` (length, 4, n) is that of the best coefficient of every kind: even and odd index of the first quantiser, then
    of the second, in any unit and floating type. Returns states and parities along the path, (length, n) int64.
    """
    width = max(1, WORK // (len(cost) * code.states)) if cost.device.type == "cpu" else cost.shape[2]
    paths = [_best_path(part, code) for part in cost.split(width, dim=2)]
    states, parities = (torch.cat(part, dim=1) for part in zip(*paths, strict=True))
    return states, parities


def _best_path(cost: Tensor, code: Trellis) -> tuple[Tensor, Tensor]:
    length, _, count = cost.shape
    before = code.before.to(cost.device)
    total = cost.new_full((code.states, count), torch.inf)
    total[0] = 0
    other = torch.empty(length, code.states, count, dtype=torch.bool, device=cost.device)
    for place, own in enumerate(cost):
        ways = (total.view(-1, 2, 1, count) + own.view(2, 2, count)).view(-1, count)
        a, b = ways.index_select(0, before[0]), ways.index_select(0, before[1])
        torch.lt(b, a, out=other[place])
        total = torch.minimum(a, b)
    state = total.argmin(dim=0, keepdim=True)
    states, parities = (torch.empty(length, count, dtype=torch.int64, device=cost.device) for _ in range(2))
    for place in reversed(range(length)):
        taken = other[place].gather(0, state)
        way = torch.where(taken, before[1][state], before[0][state])
        state, parities[place] = way >> 1, way & 1
        states[place] = state
    return states, parities
