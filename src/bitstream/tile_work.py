"""The work on a batch of tiles, in this process or another."""

from dataclasses import dataclass

import numpy as np

from ..errors import AiwaveError
from ..models.subbands import Subbands
from .grid import Tile
from .header import DAMAGED
from .plain_tiles import UNKNOWN, Look, checksum, coarse, constant, decoded, smallest
from .restorer import Restorer
from .tile_codec import TileCodec, one
from .tile_index import CodedTile, Mode


@dataclass(frozen=True, eq=False)
class VoxelBatch:
    """Tiles of one size, and the numbers to code for each, (d, h, w); `known` where they count, None for everywhere."""

    tiles: list[Tile]
    voxels: list[np.ndarray]
    known: list[np.ndarray | None]


@dataclass(frozen=True)
class EncodeTiles:
    """Encodes a batch: coded tiles, and the squared error of each, 0 unless `limits` of decoded numbers are given.

    A tile takes the model, or what `plain_tiles` has for it, whichever is smaller; that is exact, in lossy streams too.
    """

    codec: TileCodec
    model_only: bool
    masked: bool
    limits: tuple[float, float] | None = None

    def __call__(self, batch: VoxelBatch) -> list[tuple[CodedTile, float]]:
        """Encode a batch. Raises AiwaveError for coefficients that are too large to code."""
        found = [
            self._without_model(voxels, self.masked and tile.frame % 2 == 1)
            for tile, voxels in zip(batch.tiles, batch.voxels, strict=True)
        ]
        rest = [k for k, done in enumerate(found) if isinstance(done, Look)]
        coded = self._by_model([batch.voxels[k] for k in rest], [batch.known[k] for k in rest]) if rest else []
        for k, (tile, error) in zip(rest, coded, strict=True):
            found[k] = self._smaller(batch.voxels[k], found[k], tile, error)  # type: ignore[arg-type]
        return found  # type: ignore[return-value]

    def _without_model(self, voxels: np.ndarray, is_mask: bool) -> tuple[CodedTile, float] | Look:
        """A tile that is coded without the model, or a look at it."""
        if (self.model_only and not is_mask) or (voxels.dtype.kind == "f" and (voxels != np.rint(voxels)).any()):
            return UNKNOWN
        voxels = voxels.astype(np.int32)
        if flat := constant(voxels):
            return flat, 0.0
        look = Look.at(voxels)
        return (smallest(voxels, checksum(voxels)), 0.0) if is_mask or look.decides(self.codec.lossless) else look

    def _smaller(self, voxels: np.ndarray, look: Look, tile: CodedTile, error: float) -> tuple[CodedTile, float]:
        """The tile coded with the model, or without it if that is smaller."""
        size = sum(map(len, tile.chunks))
        if look.promises(size):
            other = smallest(voxels.astype(np.int32), checksum(voxels))
            if len(other.chunks[0]) < size:
                return other, 0.0
        return tile, error

    def _by_model(self, tiles: list[np.ndarray], known: list[np.ndarray | None]) -> list[tuple[CodedTile, float]]:
        coded, q = self.codec.encode(tiles)
        if self.limits is None:
            return [(tile, 0.0) for tile in coded]
        limits, codec = self.limits, self.codec
        errors = [squared_error(codec, one(q, k), voxels, limits, known[k]) for k, voxels in enumerate(tiles)]
        return list(zip(coded, errors, strict=True))


def squared_error(
    codec: TileCodec, q: Subbands, voxels: np.ndarray, limits: tuple[float, float], known: np.ndarray | None = None
) -> float:
    """Sum of squared differences between a tile's voxels (d, h, w) that are `known` and those decoded from `q`."""
    decoded = codec.synthesise(q, voxels.shape)
    decoded = decoded if voxels.dtype.kind == "f" else np.rint(decoded).clip(*limits)
    return float(np.square(decoded - voxels, dtype=np.float64).sum(where=True if known is None else known))


@dataclass(frozen=True, eq=False)
class CodedBatch:
    """Tiles of one size, coded, with the chunks of the coarsest levels."""

    tiles: list[Tile]
    coded: list[CodedTile]


@dataclass(frozen=True, eq=False)
class DecodeTiles:
    """Decodes a batch without the `level` finest levels to voxels, or to numbers that are restored later.

    `codec` is None for streams that need no model. Planes and masks cannot be smoothed: their previews are every
    2**`level`-th number.
    """

    codec: TileCodec | None
    restorer: Restorer
    level: int

    @property
    def smoothed(self) -> int:
        """Levels left out by the transform."""
        return 0 if self.restorer.header.planes else self.level

    def __call__(self, batch: CodedBatch) -> list[np.ndarray]:
        """Decode a batch. Raises AiwaveError if a tile does not decode to the encoded one."""
        by_model = [k for k, coded in enumerate(batch.coded) if coded.mode == Mode.MODEL]
        voxels = {
            k: self._plain(tile, coded)
            for k, (tile, coded) in enumerate(zip(batch.tiles, batch.coded, strict=True))
            if coded.mode not in (Mode.MODEL, Mode.CONSTANT)
        }
        if by_model:
            assert self.codec is not None
            q = self.codec.decode([batch.coded[k].chunks for k in by_model], batch.tiles[0].size)
            voxels |= {
                k: self._voxels(batch.tiles[k], one(q, at), batch.coded[k].content) for at, k in enumerate(by_model)
            }
        every = slice(None, None, 1 << (self.level - self.smoothed))
        stored = {k: self._stored(batch.tiles[k], part)[every, every, every] for k, part in voxels.items()}
        return [
            stored[k] if k in stored else self._constant(tile, batch.coded[k]) for k, tile in enumerate(batch.tiles)
        ]

    def _constant(self, tile: Tile, coded: CodedTile) -> np.ndarray:
        """The voxels of a constant tile, all of them in the memory of one."""
        size = [-(-side >> self.level) for side in tile.size]
        return np.broadcast_to(self._stored(tile, decoded(coded, (1, 1, 1))), size)

    def _stored(self, tile: Tile, numbers: np.ndarray) -> np.ndarray:
        """The voxels, or the mask's marks, that a tile's numbers stand for."""
        return self.restorer.marks(numbers) if self._is_mask(tile) else self.restorer.voxels(numbers)

    def _is_mask(self, tile: Tile) -> bool:
        return self.restorer.header.masked and tile.frame % 2 == 1

    def _plain(self, tile: Tile, coded: CodedTile) -> np.ndarray:
        """The numbers of a tile without the model."""
        numbers = decoded(coded, tile.size)
        if checksum(numbers) != coded.content:
            raise self._differs(tile)
        if self._is_mask(tile):
            return numbers[(slice(None, None, 1 << self.level),) * 3]
        return coarse(numbers, self.smoothed) if self.smoothed else numbers

    def _voxels(self, tile: Tile, q: Subbands, content: int) -> np.ndarray:
        """The voxels of one tile, not rounded."""
        assert self.codec is not None
        voxels = self.codec.synthesise(q, [-(-side >> self.smoothed) for side in tile.size], self.smoothed)
        if not np.isfinite(voxels).all():
            raise AiwaveError(DAMAGED.format(f"tile {tile.number} does not decode to finite voxels"))
        if self.smoothed == 0 and self.codec.content(q, voxels) != content:
            raise self._differs(tile)
        return voxels

    def _differs(self, tile: Tile) -> AiwaveError:
        return AiwaveError(DAMAGED.format(f"tile {tile.number} does not decode to the encoded voxels"))
