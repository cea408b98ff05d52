"""Boxes spread over an array: to look at it without reading all of it, and to notice that it has changed."""

import math
from collections.abc import Iterator, Sequence
from hashlib import sha256

import numpy as np

from .stored_array import Box, StoredArray

SIDE, COUNT = 64, 12
"""Voxels per side of the boxes that are looked at along z, y, x, and their number."""

GOLDEN = (5**0.5 - 1) / 2


def scattered(cells: int, count: int) -> list[int]:
    """At most `count` different numbers below `cells`, spread evenly however many are taken."""
    return list(dict.fromkeys(int(k * GOLDEN * cells) % cells for k in range(1, count + 1)))


def spread(shape: Sequence[int], side: int, count: int) -> Iterator[Box]:
    """At most `count` disjoint boxes of one size, `side` voxels along z, y, x and one along other axes."""
    sides = [1] * (len(shape) - 3) + [min(side, size) for size in shape[-3:]]
    grid = [size // k for size, k in zip(shape, sides, strict=True)]
    for number in scattered(math.prod(grid), count):
        places = np.unravel_index(number, grid)
        starts = (int(k) * size // n for k, size, n in zip(places, shape, grid, strict=True))
        yield tuple(slice(start, start + k) for start, k in zip(starts, sides, strict=True))


def fingerprint(source: StoredArray) -> str:
    """SHA-256 of a source's metadata and of the voxels of a few boxes. Raises AiwaveError if they cannot be read."""
    digest = sha256(repr((source.shape, source.dtype.str, source.start, source.stamp)).encode())
    for box in spread(source.shape, SIDE, COUNT):
        digest.update(np.ascontiguousarray(source.read(box)).tobytes())
    return digest.hexdigest()
