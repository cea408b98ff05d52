"""The trellis of dependent quantisation: which quantiser comes next, and the best path through it.

Source: Marcellin and Fischer, "Trellis coded quantization of memoryless and Gauss-Markov sources" (1990), with the
parities of indices in place of codes for subsets (Schwarz et al., "Hybrid video coding with trellis-coded
quantization", DCC 2019).
"""

from functools import lru_cache

import torch
from torch import Tensor

from .subbands import Size

NEXT = torch.tensor([[0, 1], [3, 2], [5, 4], [6, 7], [1, 0], [2, 3], [4, 5], [7, 6]])
"""The state after each of eight, by the parity of the index that was chosen in it. State 0 is the first.

In odd states coefficients have the second quantiser. This is Ungerboeck's code of eight states.
"""

STATES = len(NEXT)
BEFORE = torch.stack([NEXT.eq(state).nonzero() for state in range(STATES)])
"""The two ways into each state, (8, 2, 2): the state before and the parity."""


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


def best_path(cost: Tensor) -> tuple[Tensor, Tensor]:
    """The cheapest path through each of n chains, by the algorithm of Viterbi.

    `cost` (length, n, 4) is that of the best coefficient of every kind: even and odd index of the first quantiser, then
    of the second, in any unit and floating type. Returns states and parities along the path, (length, n) int64.
    """
    length, count, _ = cost.shape
    before, parity = BEFORE.to(cost.device).unbind(dim=2)
    kind = before % 2 * 2 + parity
    total = torch.full((count, STATES), torch.inf, dtype=cost.dtype, device=cost.device)
    total[:, 0] = 0
    ways = torch.empty(length, count, STATES, dtype=torch.int64, device=cost.device)
    for place in range(length):
        total, ways[place] = (total[:, before] + cost[place][:, kind]).min(dim=2)
    state = total.argmin(dim=1)
    states, parities = (torch.empty(length, count, dtype=torch.int64, device=cost.device) for _ in range(2))
    for place in reversed(range(length)):
        way = ways[place].gather(1, state.unsqueeze(1)).squeeze(1)
        parities[place], state = parity[state, way], before[state, way]
        states[place] = state
    return states, parities
