"""Levels of a pyramid: shapes, how each follows from the one before, and the parts that work is cut into."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from ..errors import AiwaveError
from ..stores.axes import Axis
from ..stores.stored_array import Box

SIDE, SHARD_SIDE = 128, 1024
"""Voxels per side of chunks and shards, unless the user wants others; viewers like them."""

PART = 4
"""Chunks per side, along y and x, of the part of a shard that is coded in one piece of work."""

LOW_BAND, MEAN, NEAREST = "low-band", "mean", "nearest"

METHODS = {
    LOW_BAND: "the low band of the chunks of the level before, as the codec has it: its voxels lie at even positions",
    MEAN: "the mean of up to 2 x 2 x 2 voxels of the level before, rounded to the nearest, halves to even",
    NEAREST: "the voxels of the level before at even positions",
}
"""Ways to make a level from the one before."""


@dataclass(frozen=True)
class Sides:
    """Sides along z, y, x of chunks and of shards, which have whole chunks; without a `shard`, about `SHARD_SIDE`."""

    chunk: Sequence[int] = (SIDE,) * 3
    shard: Sequence[int] | None = None


@dataclass(frozen=True)
class Level:
    """A level of a pyramid: an array at `path`, by a `method` from the one before, `factors` times smaller.

    Shapes have the axes of the array; the first level has no method.
    """

    path: str
    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    shard: tuple[int, ...]
    factors: tuple[int, ...]
    method: str
    axes: tuple[Axis, ...]

    @property
    def voxels(self) -> int:
        """Number of voxels."""
        return math.prod(self.shape)

    def shards(self) -> Iterator[tuple[int, ...]]:
        """Places of the shards in their grid."""
        return product(*(range(-(-size // side)) for size, side in zip(self.shape, self.shard, strict=True)))

    def parts(self, shard: tuple[int, ...]) -> Iterator[Box]:
        """Boxes of chunks, counted in the grid of all chunks, that make up a shard."""
        ranges = []
        for axis, (k, size) in enumerate(zip(shard, self.shape, strict=True)):
            per_shard = self.shard[axis] // self.chunk[axis]
            stop = min((k + 1) * per_shard, -(-size // self.chunk[axis]))
            step = PART if axis >= len(self.shape) - 2 else 1
            ranges.append([slice(a, min(a + step, stop)) for a in range(k * per_shard, stop, step)])
        return product(*ranges)

    def box_of(self, chunks: Box) -> Box:
        """The voxels of a box of chunks, as far as they lie in the array."""
        return tuple(
            slice(part.start * side, min(part.stop * side, size))
            for part, side, size in zip(chunks, self.chunk, self.shape, strict=True)
        )

    @property
    def halves_evenly(self) -> bool:
        """True if each chunk has its own voxels of a level half as large."""
        pairs = zip(self.shape[-3:], self.chunk[-3:], strict=True)
        return all(size <= side or side % 2 == 0 for size, side in pairs)


def pyramid(
    shape: tuple[int, ...],
    axes: tuple[Axis, ...],
    sides: Sides,
    count: int | None,
    method: str | None,
    has_low_band: bool,
) -> list[Level]:
    """The levels of an array, finest first: `count`, or as many as it takes until one chunk holds the coarsest.

    An axis is halved while its voxels are shorter than twice the shortest,
    so that anisotropic voxels become cubes. Without a `method` it is the low band if the codec has it and all axes are
    halved, else the mean. Raises AiwaveError for shards that are no multiples of chunks, and for a low band that is
    not there.
    """
    made = [_level(0, shape, axes, sides, (1,) * len(shape), "")]
    while len(made) < (count or math.inf):
        last = made[-1]
        factors = _factors(last)
        if max(factors) == 1 or (count is None and _is_small(last, factors)):
            break
        by_band = has_low_band and factors[-3:] == (2, 2, 2) and last.halves_evenly
        if method == LOW_BAND and not by_band:
            raise AiwaveError(
                f"Level {len(made)} has no low band to come from: that needs the codec aiwave with integers of 8 or 16 "
                "bits, chunks of even sides, and voxels to halve along z, y and x; take --downsample mean."
            )
        way = method or (LOW_BAND if by_band else MEAN)
        made.append(_next(last, len(made), factors, way, sides))
    return made


def _is_small(level: Level, factors: tuple[int, ...]) -> bool:
    """True if one chunk holds a level, or half of one along all axes that would be halved."""
    axes = list(zip(level.shape[-3:], level.chunk[-3:], factors[-3:], strict=True))
    return all(size <= side for size, side, _ in axes) or all(2 * size <= side for size, side, k in axes if k == 2)


def _next(last: Level, number: int, factors: tuple[int, ...], way: str, sides: Sides) -> Level:
    shape = tuple(-(-size // k) for size, k in zip(last.shape, factors, strict=True))
    axes = tuple(
        replace(
            axis,
            scale=axis.scale * k,
            translation=axis.translation + ((k - 1) / 2 * axis.scale if way == MEAN else 0.0),
        )
        for axis, k in zip(last.axes, factors, strict=True)
    )
    return _level(number, shape, axes, sides, factors, way)


def _factors(level: Level) -> tuple[int, ...]:
    """By how much each axis shrinks: 2 or 1."""
    shortest = min(abs(axis.scale) for axis in level.axes[-3:])
    space = [
        2 if size > 1 and abs(axis.scale) < 2 * shortest else 1
        for size, axis in zip(level.shape[-3:], level.axes[-3:], strict=True)
    ]
    return (*[1] * (len(level.shape) - 3), *space)


def _level(
    number: int,
    shape: tuple[int, ...],
    axes: tuple[Axis, ...],
    sides: Sides,
    factors: tuple[int, ...],
    way: str,
) -> Level:
    """A level with chunks no larger than itself, and shards of whole chunks."""
    chunk, shard = [], []
    outers = sides.shard or [max(side, SHARD_SIDE // side * side) for side in sides.chunk]
    for size, side, outer in zip(shape[-3:], sides.chunk, outers, strict=True):
        if outer % side:
            raise AiwaveError(f"A shard's side of {outer} is no multiple of a chunk's, {side}: give such a --shard.")
        chunk.append(min(side, size))
        shard.append(min(outer // side, -(-size // side)) * min(side, size))
    leading = (1,) * (len(shape) - 3)
    return Level(str(number), shape, (*leading, *chunk), (*leading, *shard), factors, way, axes)
