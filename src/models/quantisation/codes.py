"""The codes of dependent quantisation: their transitions, and the order of coefficients along the trellis.

Source: Marcellin and Fischer, "Trellis coded quantization of memoryless and Gauss-Markov sources" (1990), with the
parities of indices in place of codes for subsets (Schwarz et al., "Hybrid video coding with trellis-coded
quantization", DCC 2019).
"""

from functools import cache, lru_cache
from typing import Final

import numpy as np

from ..bands import FRONT, Size

POLYNOMIALS = {8: (0o17, 0o2), 64: (0o103, 0o24), 256: (0o515, 0o362)}
"""Parity-check polynomials by number of states: weights of previous quantisers and of previous index parities.

Bit i is the weight, modulo 2, of the one i positions before. Source: Ungerboeck, "Trellis-coded modulation with
redundant signal sets, part II" (1987), table I; except for eight states, where another code with equal gain is used.
"""

FIRST_STATES: Final = 8
"""Default number of states of the trellis."""


@cache
def successors(states: int) -> np.ndarray:
    """Successor of each state, by the parity of the index chosen in it: (states, 2) int64."""
    quantisers, parities = POLYNOMIALS[states]
    state, parity = np.arange(states)[:, None], np.arange(2)
    return state >> 1 ^ (quantisers >> 1) * (state & 1) ^ (parities >> 1) * parity


@lru_cache(maxsize=16)
def chains(size: Size) -> np.ndarray:
    """The positions of a band (d, h, w) in trellis order: (n, length) int64 raster indices, -1 after the end.

    A chain runs along x and continues in another row, which starts where t = x + 2y + 4z is larger than at all previous
    positions of the chain: a decoder that processes fronts of equal t thus knows every state in time. Long chains are
    better, since the first state of each is fixed.
    """
    depth, height, width = size
    plane, row, _ = FRONT
    every_y = min(-(-width // row), height)
    rows = -(-height // every_y)
    every_z = min(-(-(width + row * (rows - 1) * every_y) // plane), depth)
    planes = -(-depth // every_z)
    z, first_z, y, first_y, x = np.ix_(*(np.arange(n) for n in (planes, every_z, rows, every_y, width)))
    z, y = z * every_z + first_z, y * every_y + first_y
    raster = np.where((z < depth) & (y < height), (z * height + y) * width + x, -1)
    chain = raster.transpose(1, 3, 0, 2, 4).reshape(every_z * every_y, -1)
    chain = chain[(chain >= 0).any(axis=1)]
    return np.take_along_axis(chain, np.argsort(chain < 0, axis=1, kind="stable"), axis=1)
