"""The work on a batch of tiles, in this process or another."""

from dataclasses import dataclass

import numpy as np

from ..errors import AiwaveError
from ..models.subbands import Subbands
from ..system import one_thread
from .grid import Tile
from .header import DAMAGED, Header
from .plain_tiles import Look, checksum, coarse, constant, decoded, smallest
from .tile_codec import TileCodec, one
from .tile_index import CodedTile, Mode


@dataclass(frozen=True, eq=False)
class VoxelBatch:
    """Tiles of one size, and the numbers to code for each, (d, h, w)."""

    tiles: list[Tile]
    voxels: list[np.ndarray]


@dataclass(frozen=True)
class EncodeTiles:
    """Encodes a batch: coded tiles, and the squared error of each, 0 unless `limits` of decoded numbers are given.

    A tile takes the model, or what `plain_tiles` has for it, whichever is smaller; that is exact, in lossy streams too.
    """

    codec: TileCodec
    model_only: bool
    limits: tuple[int, int] | None = None

    def __call__(self, batch: VoxelBatch) -> list[tuple[CodedTile, float]]:
        """Encode a batch. Raises AiwaveError for coefficients that are too large to code."""
        if self.model_only:
            return self._by_model(batch.voxels)
        found = [self._without_model(voxels) for voxels in batch.voxels]
        rest = [k for k, done in enumerate(found) if isinstance(done, Look)]
        coded = self._by_model([batch.voxels[k] for k in rest]) if rest else []
        for k, (tile, error) in zip(rest, coded, strict=True):
            found[k] = self._smaller(batch.voxels[k], found[k], tile, error)  # type: ignore[arg-type]
        return found  # type: ignore[return-value]

    def _without_model(self, voxels: np.ndarray) -> tuple[CodedTile, float] | Look:
        """A tile that is coded without the model, or a look at it."""
        if flat := constant(voxels):
            return flat, 0.0
        look = Look.at(voxels)
        return (smallest(voxels, checksum(voxels)), 0.0) if look.decides(self.codec.lossless) else look

    def _smaller(self, voxels: np.ndarray, look: Look, tile: CodedTile, error: float) -> tuple[CodedTile, float]:
        """The tile coded with the model, or without it if that is smaller."""
        size = sum(map(len, tile.chunks))
        if look.promises(size):
            other = smallest(voxels, checksum(voxels))
            if len(other.chunks[0]) < size:
                return other, 0.0
        return tile, error

    def _by_model(self, tiles: list[np.ndarray]) -> list[tuple[CodedTile, float]]:
        coded, q = self.codec.encode(tiles)
        if self.limits is None:
            return [(tile, 0.0) for tile in coded]
        limits, codec = self.limits, self.codec
        errors = [squared_error(codec, one(q, k), voxels, limits) for k, voxels in enumerate(tiles)]
        return list(zip(coded, errors, strict=True))


def squared_error(codec: TileCodec, q: Subbands, voxels: np.ndarray, limits: tuple[int, int]) -> float:
    """Sum of squared differences between a tile's voxels (d, h, w) and those decoded from `q`."""
    decoded = np.rint(codec.synthesise(q, voxels.shape)).clip(*limits)
    return float(np.square(decoded - voxels, dtype=np.float64).sum())


@dataclass(frozen=True, eq=False)
class CodedBatch:
    """Tiles of one size, coded, with the chunks of the coarsest levels."""

    tiles: list[Tile]
    coded: list[CodedTile]


@dataclass(frozen=True, eq=False)
class DecodeTiles:
    """Decodes a batch without the `level` finest levels to voxels of the stored dtype; `table` if ranks were coded.

    `codec` is None for streams that need no model.
    """

    codec: TileCodec | None
    header: Header
    table: np.ndarray | None
    level: int

    def __call__(self, batch: CodedBatch) -> list[np.ndarray]:
        """Decode a batch. Raises AiwaveError if a tile does not decode to the encoded one."""
        by_model = [k for k, coded in enumerate(batch.coded) if coded.mode == Mode.MODEL]
        voxels = {
            k: self._plain(tile, coded)
            for k, (tile, coded) in enumerate(zip(batch.tiles, batch.coded, strict=True))
            if coded.mode != Mode.MODEL
        }
        if by_model:
            assert self.codec is not None
            with one_thread():  # fronts are too small for several
                q = self.codec.decode([batch.coded[k].chunks for k in by_model], batch.tiles[0].size)
            voxels |= {
                k: self._voxels(batch.tiles[k], one(q, at), batch.coded[k].content) for at, k in enumerate(by_model)
            }
        return [self._stored(voxels[k]) for k in range(len(batch.tiles))]

    def _plain(self, tile: Tile, coded: CodedTile) -> np.ndarray:
        """The numbers of a tile without the model."""
        numbers = decoded(coded, tile.size)
        if coded.mode != Mode.CONSTANT and checksum(numbers) != coded.content:
            raise self._differs(tile)
        return coarse(numbers, self.level) if self.level else numbers

    def _voxels(self, tile: Tile, q: Subbands, content: int) -> np.ndarray:
        """The voxels of one tile, not rounded."""
        assert self.codec is not None
        voxels = self.codec.synthesise(q, [-(-side >> self.level) for side in tile.size], self.level)
        if self.level == 0 and self.codec.content(q, voxels) != content:
            raise self._differs(tile)
        return voxels

    def _differs(self, tile: Tile) -> AiwaveError:
        return AiwaveError(DAMAGED.format(f"tile {tile.number} does not decode to the encoded voxels"))

    def _stored(self, voxels: np.ndarray) -> np.ndarray:
        """Voxels in the stored dtype: rounded, with the offset or the table of values applied, and clipped."""
        rounded, dtype = np.rint(voxels), self.header.dtype
        if self.table is not None:
            return self.table[rounded.clip(0, len(self.table) - 1).astype(np.int64)].astype(dtype)
        limits = np.iinfo(dtype)
        return (rounded + self.header.offset).clip(limits.min, limits.max).astype(dtype)
