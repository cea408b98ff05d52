"""Partition of large volumes into tiles of bounded size."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise, product


def tiles(shape: Sequence[int], side: int) -> Iterator[tuple[slice, slice, slice]]:
    """Split a volume (D, H, W) into tiles of at most `side` voxels along each axis, as equal as possible."""
    per_axis = []
    for size in shape:
        count = math.ceil(size / side)
        edges = [size * k // count for k in range(count + 1)]
        per_axis.append([slice(a, b) for a, b in pairwise(edges)])
    yield from product(*per_axis)  # type: ignore[misc]
