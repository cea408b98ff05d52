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
    """Tiles of one size, and the numbers to code for each, (d, h, w)."""

    tiles: list[Tile]
    voxels: list[np.ndarray]


@dataclass(frozen=True)
class EncodeTiles:
    """Encodes a batch: coded tiles, and the squared error of each, 0 unless `limits` of decoded numbers are given."""

    codec: TileCodec
    limits: tuple[int, int] | None = None

    def __call__(self, batch: VoxelBatch) -> list[tuple[CodedTile, float]]:
        """Encode a batch. Raises AiwaveError for coefficients that are too large to code."""
        coded, q = self.codec.encode(batch.voxels)
        if self.limits is None:
            return [(tile, 0.0) for tile in coded]
        limits, codec = self.limits, self.codec
        errors = [squared_error(codec, one(q, k), voxels, limits) for k, voxels in enumerate(batch.voxels)]
        return list(zip(coded, errors, strict=True))


def squared_error(codec: TileCodec, q: Subbands, voxels: np.ndarray, limits: tuple[int, int]) -> float:
    """Sum of squared differences between a tile's voxels (d, h, w) and those decoded from `q`."""
    decoded = np.rint(codec.synthesise(q, voxels.shape)).clip(*limits)
    return float(np.square(decoded - voxels, dtype=np.float64).sum())


@dataclass(frozen=True, eq=False)
class CodedBatch:
    """Tiles of one size, with the chunks of the coarsest levels and the checksum of each."""

    tiles: list[Tile]
    chunks: list[list[bytes]]
    contents: list[int]


@dataclass(frozen=True, eq=False)
class DecodeTiles:
    """Decodes a batch without the `level` finest levels to voxels of the stored dtype; `table` if ranks were coded."""

    codec: TileCodec
    header: Header
    table: np.ndarray | None
    level: int

    def __call__(self, batch: CodedBatch) -> list[np.ndarray]:
        """Decode a batch. Raises AiwaveError if a tile does not decode to the encoded one."""
        with one_thread():  # fronts are too small for several
            q = self.codec.decode(batch.chunks, batch.tiles[0].size)
        return [
            self._stored(self._voxels(tile, one(q, k), content))
            for k, (tile, content) in enumerate(zip(batch.tiles, batch.contents, strict=True))
        ]

    def _voxels(self, tile: Tile, q: Subbands, content: int) -> np.ndarray:
        """The voxels of one tile, not rounded."""
        voxels = self.codec.synthesise(q, [-(-side >> self.level) for side in tile.size], self.level)
        if self.level == 0 and self.codec.content(q, voxels) != content:
            raise AiwaveError(DAMAGED.format(f"tile {tile.number} does not decode to the encoded voxels"))
        return voxels

    def _stored(self, voxels: np.ndarray) -> np.ndarray:
        """Voxels in the stored dtype: rounded, with the offset or the table of values applied, and clipped."""
        rounded, dtype = np.rint(voxels), self.header.dtype
        if self.table is not None:
            return self.table[rounded.clip(0, len(self.table) - 1).astype(np.int64)].astype(dtype)
        limits = np.iinfo(dtype)
        return (rounded + self.header.offset).clip(limits.min, limits.max).astype(dtype)
