"""The work on a batch of tiles, in this process or another."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace

import numpy as np

from ..coding.engine import Levels
from ..errors import AiwaveError
from .bounded_error import corrections
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


@dataclass(frozen=True, eq=False)
class EncodedTile:
    """A coded tile, the squared error of its coefficients and of its decoded numbers, and the tile of corrections.

    Errors are 0 without the model, and otherwise None if they were not asked for.
    """

    coded: CodedTile
    squared_error: float | None = None
    coefficient_error: float | None = None
    corrections: CodedTile | None = None

    @property
    def size(self) -> int:
        """Bytes of all chunks."""
        parts = (self.coded,) if self.corrections is None else (self.coded, self.corrections)
        return sum(len(chunk) for part in parts for chunk in part.chunks)


@dataclass(frozen=True)
class EncodeTiles:
    """Encodes a batch, with the squared errors of each tile if `limits` of decoded numbers are given.

    Those of numbers are only measured in the tiles `measured`, by number, None for all. `looks` are those that have
    been taken before. A tile takes the model, or what `plain_tiles` has for it, whichever is smaller; that is exact, in
    lossy streams too. With an `error` there are corrections (see `bounded_error`).
    """

    codec: TileCodec
    model_only: bool
    masked: bool
    limits: tuple[float, float] | None = None
    error: int = 0
    measured: Set[int] | None = None
    looks: Mapping[int, Look] = field(default_factory=dict)

    def __call__(self, batch: VoxelBatch) -> list[EncodedTile]:
        """Encode a batch. Raises AiwaveError for coefficients that are too large to code."""
        pairs = zip(batch.tiles, batch.voxels, strict=True)
        found = [self.looks.get(tile.number) or self.without_model(tile, voxels) for tile, voxels in pairs]
        rest = [k for k, done in enumerate(found) if isinstance(done, Look)]
        coded = self._by_model(batch, rest) if rest else []
        for k, tile in zip(rest, coded, strict=True):
            found[k] = self._smaller(batch.voxels[k], found[k], tile)  # type: ignore[arg-type]
        return found  # type: ignore[return-value]

    def _exact(self, coded: CodedTile) -> EncodedTile:
        return EncodedTile(coded, 0.0, 0.0, CodedTile([], 0, Mode.CONSTANT) if self.error else None)

    def without_model(self, tile: Tile, voxels: np.ndarray) -> EncodedTile | Look:
        """A tile that is coded without the model, or a look at it."""
        is_mask = self.masked and tile.frame % 2 == 1
        if (self.model_only and not is_mask) or (voxels.dtype.kind == "f" and (voxels != np.rint(voxels)).any()):
            return UNKNOWN
        voxels = voxels.astype(np.int32)
        if flat := constant(voxels):
            return self._exact(flat)
        look = Look.at(voxels)
        decided = is_mask or look.decides(self.codec.lossless)
        return self._exact(smallest(voxels, checksum(voxels))) if decided else look

    def _smaller(self, voxels: np.ndarray, look: Look, tile: EncodedTile) -> EncodedTile:
        """The tile coded with the model, or without it if that is smaller."""
        if look.promises(tile.size):
            other = smallest(voxels.astype(np.int32), checksum(voxels))
            if len(other.chunks[0]) < tile.size:
                return self._exact(other)
        return tile

    def _by_model(self, batch: VoxelBatch, which: list[int]) -> list[EncodedTile]:
        coded, q = self.codec.encode([batch.voxels[k] for k in which])
        if self.limits is None:
            return [EncodedTile(tile) for tile in coded]
        return [self._measured(batch, k, coded[at], one(q, at)) for at, k in enumerate(which)]

    def _measured(self, batch: VoxelBatch, k: int, coded: CodedTile, q: Levels) -> EncodedTile:
        """The k-th tile of a batch, coded, with its errors and corrections."""
        voxels, known = batch.voxels[k], batch.known[k]
        if self.measured is not None and batch.tiles[k].number not in self.measured:
            return EncodedTile(coded, None, self.codec.coefficient_error(q, voxels))
        assert self.limits is not None
        decoded = decoded_numbers(self.codec, q, voxels, self.limits)
        error = difference(voxels, decoded, known)
        if self.error:
            return EncodedTile(coded, error, corrections=self._corrections(voxels, decoded))
        return EncodedTile(coded, error, self.codec.coefficient_error(q, voxels))

    def _corrections(self, voxels: np.ndarray, decoded: np.ndarray) -> CodedTile:
        numbers = corrections(voxels, decoded, self.error)
        return constant(numbers) or smallest(numbers, checksum(numbers))


@dataclass(frozen=True)
class MeasureTiles:
    """Decodes tiles that are coded with the model, by number, to measure the squared errors of their numbers."""

    codec: TileCodec
    limits: tuple[float, float]
    parts: Mapping[int, EncodedTile]

    def __call__(self, batch: VoxelBatch) -> list[EncodedTile]:
        """The parts of a batch, with their errors."""
        parts = [self.parts[tile.number] for tile in batch.tiles]
        q = self.codec.decode([part.coded.chunks for part in parts], batch.tiles[0].size)
        errors = [
            difference(voxels, decoded_numbers(self.codec, one(q, k), voxels, self.limits), known)
            for k, (voxels, known) in enumerate(zip(batch.voxels, batch.known, strict=True))
        ]
        return [replace(part, squared_error=error) for part, error in zip(parts, errors, strict=True)]


def decoded_numbers(codec: TileCodec, q: Levels, voxels: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """Numbers (d, h, w) decoded from `q`, rounded and clipped to `limits` if `voxels` are integers."""
    decoded = codec.synthesise(q, voxels.shape)
    return decoded if voxels.dtype.kind == "f" else np.rint(decoded).clip(*limits)


def difference(voxels: np.ndarray, decoded: np.ndarray, known: np.ndarray | None) -> float:
    """Sum of squared differences between numbers that are `known`, None for all, and decoded ones."""
    return float(np.square(decoded - voxels, dtype=np.float64).sum(where=True if known is None else known))


def squared_error(codec: TileCodec, q: Levels, voxels: np.ndarray, limits: tuple[float, float]) -> float:
    """Sum of squared differences between a tile's voxels (d, h, w) and those decoded from `q`."""
    return difference(voxels, decoded_numbers(codec, q, voxels, limits), None)


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
        voxels = {k: self._exact(batch.tiles[k], n, batch.coded[k].content) for k, n in self._numbers(batch).items()}
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

    def _numbers(self, batch: CodedBatch) -> dict[int, np.ndarray]:
        """The numbers of the tiles without coefficients, but for constant ones, by their index in the batch."""
        coded = dict(enumerate(batch.coded))
        by_voxels = [k for k in coded if coded[k].mode == Mode.VOXELS]
        numbers = {
            k: decoded(part, batch.tiles[k].size)
            for k, part in coded.items()
            if part.mode not in (Mode.MODEL, Mode.CONSTANT, Mode.VOXELS)
        }
        if by_voxels:
            assert self.codec is not None
            chunks = [coded[k].chunks[0] for k in by_voxels]
            numbers |= zip(by_voxels, self.codec.decode_voxels(chunks, batch.tiles[0].size), strict=True)
        return numbers

    def _constant(self, tile: Tile, coded: CodedTile) -> np.ndarray:
        """The voxels of a constant tile, all of them in the memory of one."""
        size = [-(-side >> self.level) for side in tile.size]
        return np.broadcast_to(self._stored(tile, decoded(coded, (1, 1, 1))), size)

    def _stored(self, tile: Tile, numbers: np.ndarray) -> np.ndarray:
        """The voxels, or the numbers of a mask or of corrections, that a tile's numbers stand for."""
        return self.restorer.second(numbers) if self._is_second(tile) else self.restorer.voxels(numbers)

    def _is_second(self, tile: Tile) -> bool:
        return self.restorer.header.paired and tile.frame % 2 == 1

    def _exact(self, tile: Tile, numbers: np.ndarray, content: int) -> np.ndarray:
        """The numbers of a tile, checked, or those of its preview."""
        if checksum(numbers) != content:
            raise self._differs(tile)
        if self._is_second(tile):
            return numbers[(slice(None, None, 1 << self.level),) * 3]
        return coarse(numbers, self.smoothed) if self.smoothed else numbers

    def _voxels(self, tile: Tile, q: Levels, content: int) -> np.ndarray:
        """The voxels of one tile, not rounded."""
        assert self.codec is not None
        voxels = self.codec.synthesise(q, tile.size, self.smoothed)
        if not np.isfinite(voxels).all():
            raise AiwaveError(DAMAGED.format(f"tile {tile.number} does not decode to finite voxels"))
        if self.smoothed == 0 and self.codec.content(q, voxels) != content:
            raise self._differs(tile)
        return voxels

    def _differs(self, tile: Tile) -> AiwaveError:
        return AiwaveError(DAMAGED.format(f"tile {tile.number} does not decode to the encoded voxels"))
