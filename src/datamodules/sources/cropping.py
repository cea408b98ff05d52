"""The boxes of a volume that become files."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from ...errors import AiwaveError
from .splits import Box


class Crops(ABC):
    """Partition of a region of a volume into boxes of `size` (d, h, w) that do not overlap.

    A region thinner than `size` along an axis is kept whole along that axis. With `air`, a value in the file's own
    scale, only informative boxes are kept: those with more than a fraction `filled` of the voxels above `air`.
    """

    def __init__(self, size: Sequence[int], air: float | None = None, filled: float = 0.1) -> None:
        if len(size) != 3 or min(size) < 1:
            raise AiwaveError(f"source.crops.size is {list(size)}: give three sides (z, y, x) of at least 1 voxel.")
        if not 0 <= filled < 1:
            raise AiwaveError(f"source.crops.filled is {filled}: give a fraction from 0 to below 1.")
        self.size, self.air, self.filled = tuple(size), air, filled

    def boxes(self, voxels: np.ndarray, offset: int, region: Box, key: str) -> list[Box]:
        """Return the boxes inside `region` of a volume (D, H, W), ordered by position.

        The file's own values are `voxels` + `offset`. `key` names the volume: random choices depend on it and on a
        seed.
        """
        kept: list[Box] = []
        for box in self.candidates(region, key):
            if len(kept) == self.limit(region):
                break
            if not self.clashes(box, kept) and self._informative(voxels[box.slices], offset):
                kept.append(box)
        return sorted(kept, key=lambda box: box.start)

    @abstractmethod
    def candidates(self, region: Box, key: str) -> Iterator[Box]:
        """Propose boxes inside `region`; those that clash with an earlier one, or hold air, are dropped later."""

    def clashes(self, box: Box, kept: Sequence[Box]) -> bool:
        """True if a proposed box overlaps one of those kept."""
        return False

    def limit(self, region: Box) -> int | None:
        """Largest number of boxes wanted; None for all."""
        return None

    def side(self, region: Box) -> tuple[int, ...]:
        """The size of a box in `region`."""
        return tuple(min(wanted, there) for wanted, there in zip(self.size, region.shape, strict=True))

    def _informative(self, voxels: np.ndarray, offset: int) -> bool:
        return self.air is None or float(np.mean(voxels > self.air - offset)) > self.filled


class GridCrops(Crops):
    """Boxes side by side, starting at the region's first voxel.

    The remainder at the end of an axis is dropped; with `rest` it is kept, as a separate box or, if thinner than half
    a box, as part of the last one, so that the boxes cover the region.
    """

    def __init__(self, size: Sequence[int], air: float | None = None, filled: float = 0.1, rest: bool = False) -> None:
        super().__init__(size, air, filled)
        self.rest = rest

    def candidates(self, region: Box, key: str) -> Iterator[Box]:
        """Propose the cells of the grid."""
        z, y, x = (
            self._cells(a, b, side) for a, b, side in zip(region.start, region.stop, self.side(region), strict=True)
        )
        for z0, z1 in z:
            for y0, y1 in y:
                for x0, x1 in x:
                    yield Box((z0, y0, x0), (z1, y1, x1))

    def _cells(self, start: int, stop: int, side: int) -> list[tuple[int, int]]:
        edges = list(range(start, stop + 1, side))
        if self.rest and edges[-1] < stop:
            if 2 * (stop - edges[-1]) < side:
                edges.pop()
            edges.append(stop)
        return list(pairwise(edges))


class RandomCrops(Crops):
    """At most `count` boxes at random positions in a region, the same for the same `seed` and volume."""

    TRIES = 50

    def __init__(
        self, size: Sequence[int], count: int, seed: int, air: float | None = None, filled: float = 0.1
    ) -> None:
        super().__init__(size, air, filled)
        if count < 1:
            raise AiwaveError(f"source.crops.count is {count}: give at least 1.")
        self.count, self.seed = count, seed

    def candidates(self, region: Box, key: str) -> Iterator[Box]:
        """Propose `TRIES` positions for every box wanted."""
        digest = hashlib.sha256(f"{self.seed}/{key}/{region}".encode()).digest()
        generator = np.random.default_rng(int.from_bytes(digest[:8], "little"))
        side = self.side(region)
        last = [b - s for b, s in zip(region.stop, side, strict=True)]
        for _ in range(self.TRIES * self.count):
            z, y, x = (int(value) for value in generator.integers(region.start, last, endpoint=True))
            yield Box((z, y, x), (z + side[0], y + side[1], x + side[2]))

    def clashes(self, box: Box, kept: Sequence[Box]) -> bool:
        """Compare positions: all boxes of a region have the same size."""
        distances = np.abs(np.array([other.start for other in kept]).reshape(-1, 3) - box.start)
        return bool((distances < box.shape).all(axis=1).any())

    def limit(self, region: Box) -> int | None:
        """The number requested."""
        return self.count
