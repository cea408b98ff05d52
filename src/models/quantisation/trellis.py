"""The trellis of dependent quantisation: the quantisers along a path, and the best path, by the Viterbi algorithm."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from ..bands import Size
from . import codes
from .codes import POLYNOMIALS, successors

WORK = {"cpu": 1 << 26, "cuda": 1 << 30}
"""Number of survivor decisions kept at a time, one byte each, or those of one chain if that is more."""

LONGEST = 1024
"""Longest chain whose quantisers are computed by a matrix product."""


@dataclass(frozen=True)
class Trellis:
    """One of the codes: `states` is 8, 64 or 256; raises ValueError otherwise.

    More states give less error at the same rate. Chains start in state 0. In odd states, coefficients have the second
    quantiser.
    """

    states: int

    def __post_init__(self) -> None:
        """Raise ValueError for any other number of states."""
        if self.states not in POLYNOMIALS:
            raise ValueError(f"no trellis has {self.states} states: choose one of {', '.join(map(str, POLYNOMIALS))}")

    @cached_property
    def next(self) -> Tensor:
        """Successor of each state, by the parity of the index chosen in it: (states, 2) int64."""
        return torch.from_numpy(successors(self.states))

    @cached_property
    def before(self) -> Tensor:
        """The two transitions into each state, (2, states) int64, as 2 * (previous state) + parity."""
        return self.next.flatten().argsort(stable=True).view(-1, 2).T.contiguous()

    def second(self, parity: Tensor) -> Tensor:
        """Parities of the indices along chains, (..., length) int64 -> 1 in odd states, else 0; same shape and dtype.

        The code is linear: a chain's quantisers are sums, modulo 2, of the preceding parities.
        """
        length = parity.shape[-1]
        if length <= LONGEST:
            return (parity.double() @ self._response(length).to(parity.device)).long() & 1
        state, after, second = torch.zeros_like(parity[..., 0]), self.next.to(parity.device), torch.empty_like(parity)
        for place in range(length):
            second[..., place] = state & 1
            state = after[state, parity[..., place]]
        return second

    @lru_cache(maxsize=16)  # noqa: B019  # there are three trellises
    def _response(self, length: int) -> Tensor:
        """Changes of later quantisers (column) by an odd parity (row): (length, length) float64, ones and zeros."""
        after, state, ones = self.next.tolist(), 0, list[int]()
        for place in range(length):
            ones.append(state & 1)
            state = after[state][place == 0]
        later = torch.arange(length) - torch.arange(length).unsqueeze(1)
        return torch.where(later < 0, 0, torch.tensor(ones)[later.clamp(min=0)]).double()


trellis = lru_cache(Trellis)
"""Cached trellis for a number of states."""


@lru_cache(maxsize=16)
def chains(size: Size) -> Tensor:
    """The positions of a band (d, h, w) in trellis order, int64; see `codes.chains`."""
    return torch.from_numpy(codes.chains(size))


def along(chain: Tensor, band: Tensor) -> Tensor:
    """Values of bands (..., d, h, w) -> along the chains (n, length): (..., n, length), 0 after their ends."""
    values = band.flatten(-3)[..., chain.clamp(min=0).flatten()].unflatten(-1, chain.shape)
    return torch.where(chain < 0, 0, values)


def back(chain: Tensor, values: Tensor, size: Size) -> Tensor:
    """Values along the chains (..., n, length) -> bands (..., d, h, w); the inverse of `along`."""
    exists = (chain >= 0).flatten()
    band = values.new_zeros(*values.shape[:-2], size[0] * size[1] * size[2])
    band[..., chain.flatten()[exists]] = values.flatten(-2)[..., exists]
    return band.unflatten(-1, size)


def best_path(cost: Tensor, code: Trellis) -> tuple[Tensor, Tensor]:
    """The cheapest path through each of n chains, by the Viterbi algorithm.

    `cost` (length, 4, n) is the cost of the best coefficient of each kind (even and odd index of the first quantiser,
    then of the second), in any unit and floating type. Returns states and parities along the path, (length, n) int64.
    """
    width = max(1, WORK.get(cost.device.type, WORK["cpu"]) // (len(cost) * code.states))
    paths = [_best_path(part, code) for part in cost.split(width, dim=2)]
    states, parities = (torch.cat(part, dim=1) for part in zip(*paths, strict=True))
    return states, parities


def _best_path(cost: Tensor, code: Trellis) -> tuple[Tensor, Tensor]:
    """The same for a number of chains that fits in memory."""
    length, _, count = cost.shape
    before = code.before.to(cost.device)
    total = cost.new_full((code.states, count), torch.inf)
    total[0] = 0
    by_second = torch.empty(length, code.states, count, dtype=torch.bool, device=cost.device)
    for place, own in enumerate(cost):
        ways = (total.view(-1, 2, 1, count) + own.view(2, 2, count)).view(-1, count)
        by_first_way, by_second_way = (ways.index_select(0, way) for way in before)
        torch.lt(by_second_way, by_first_way, out=by_second[place])
        total = torch.minimum(by_first_way, by_second_way)
    state = total.argmin(dim=0, keepdim=True)
    states, parities = (torch.empty(length, count, dtype=torch.int64, device=cost.device) for _ in range(2))
    for place in reversed(range(length)):
        way = torch.where(by_second[place].gather(0, state), before[1][state], before[0][state])
        state, parities[place] = way >> 1, way & 1
        states[place] = state
    return states, parities
