"""The voxels before a voxel that a network sees, and what they are relative to."""

from collections.abc import Sequence

from .bands import FRONT

Offset = tuple[int, int, int]
"""(z, y, x)."""

NEAR: tuple[Offset, ...] = (
    *((0, 0, -1), (0, 0, -2), (0, -1, -1), (0, -1, 0), (0, -1, 1), (0, -2, 0)),
    *((-1, -1, -1), (-1, -1, 0), (-1, -1, 1), (-1, 0, -1), (-1, 0, 0), (-1, 0, 1)),
    *((-1, 1, -1), (-1, 1, 0), (-1, 1, 1), (-2, 0, 0)),
)
"""The nearest, which every network sees first, in this order; their mean distance to the reference is the activity."""

REFERENCE = (2, 0, 1, 2, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0)
"""Weights of the nearest in the reference, in eighths."""

REACH = 8
"""Largest offset along any axis."""

PER_E, UNIT_LEVEL = 16, 48
"""Activities count in levels, 16 of which are a factor of e; level 48 is one grey level, level 0 none at all."""

HIGHEST_LEVEL = 226
"""The level of an activity of 2**16."""

FLAGS = 4
"""Inputs for the first section, the second section, the first row, the first column of a tile."""

OTHERS = 2 + FLAGS
"""Inputs beside the neighbours: the tile's lowest voxel, the activity, the flags."""


def is_causal(offset: Offset) -> bool:
    """True for neighbours in an earlier front (see `FRONT`), within reach, and in no later section."""
    earlier = sum(a * b for a, b in zip(offset, FRONT, strict=True)) < 0
    return earlier and offset[0] <= 0 and max(map(abs, offset)) <= REACH


def neighbours(radii: Sequence[float]) -> list[Offset]:
    """The nearest, then the other causal ones within a radius in the section and in each of those before it.

    `radii` are in voxels, the first that of the section itself; at most three.
    """
    steps = range(-REACH, REACH + 1)
    within = [
        (-section, y, x)
        for section, radius in enumerate(radii)
        for y in steps
        for x in steps
        if y * y + x * x <= radius * radius
    ]
    return [*NEAR, *(offset for offset in within if is_causal(offset) and offset not in NEAR)]
