"""The work on a batch of tiles, in this process or another."""

from dataclasses import dataclass

import numpy as np

from ..errors import AiwaveError
from ..models.subbands import Subbands
from ..system import one_thread
from .container import CodedTile
from .grid import Tile
from .header import DAMAGED, Header
from .tile_codec import TileCodec, one


@dataclass(frozen=True, eq=False)
class VoxelBatch:
    """Tiles of one size, and the numbers that are coded of them, each (d, h, w)."""

    tiles: list[Tile]
    voxels: list[np.ndarray]


@dataclass(frozen=True)
class EncodeTiles:
    """Voxels to coded tiles, and the squared error of each, 0 unless `limits` of decoded numbers are given."""

    codec: TileCodec
    limits: tuple[int, int] | None = None

    def __call__(self, batch: VoxelBatch) -> list[tuple[CodedTile, float]]:
        """Raises AiwaveError for coefficients too large to be coded."""
        coded, q = self.codec.encode(batch.voxels)
        if self.limits is None:
            return [(tile, 0.0) for tile in coded]
        limits, codec = self.limits, self.codec
        errors = [squared_error(codec, one(q, k), voxels, limits) for k, voxels in enumerate(batch.voxels)]
        return list(zip(coded, errors, strict=True))


def squared_error(codec: TileCodec, q: Subbands, voxels: np.ndarray, limits: tuple[int, int]) -> float:
    """The sum over a tile of squared differences between its voxels (d, h, w), and those decoded from `q`."""
    decoded = np.rint(codec.synthesise(q, voxels.shape)).clip(*limits)
    return float(np.square(decoded - voxels, dtype=np.float64).sum())


@dataclass(frozen=True, eq=False)
class CodedBatch:
    """Tiles of one size, of each the chunks of its coarsest levels, and its checksum."""

    tiles: list[Tile]
    chunks: list[list[bytes]]
    contents: list[int]


@dataclass(frozen=True, eq=False)
class DecodeTiles:
    """Coded tiles to voxels of the stored type without the `level` finest levels; `table` if ranks were coded."""

    codec: TileCodec
    header: Header
    table: np.ndarray | None
    level: int

    def __call__(self, batch: CodedBatch) -> list[np.ndarray]:
        """Raises AiwaveError if a tile is not what was encoded."""
        with one_thread():  # a front is too small for more
            q = self.codec.decode(batch.chunks, batch.tiles[0].size)
        return [
            self._stored(self._voxels(tile, one(q, k), content))
            for k, (tile, content) in enumerate(zip(batch.tiles, batch.contents, strict=True))
        ]

    def _voxels(self, tile: Tile, q: Subbands, content: int) -> np.ndarray:
        """The voxels of one tile, not rounded."""
        voxels = self.codec.synthesise(q, [-(-side >> self.level) for side in tile.size], self.level)
        if self.level == 0 and self.codec.content(q, voxels) != content:
            raise AiwaveError(DAMAGED.format(f"tile {tile.number} does not decode to what was encoded"))
        return voxels

    def _stored(self, voxels: np.ndarray) -> np.ndarray:
        """Rounded, within the range of the dtype, with the offset or through the table."""
        rounded, dtype = np.rint(voxels), self.header.dtype
        if self.table is not None:
            return self.table[rounded.clip(0, len(self.table) - 1).astype(np.int64)].astype(dtype)
        limits = np.iinfo(dtype)
        return (rounded + self.header.offset).clip(limits.min, limits.max).astype(dtype)
