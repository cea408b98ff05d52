"""Writer of streams: the source volume, checked and prepared, coded tile by tile at any step."""

import math
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import AiwaveError
from .container import write_stream
from .grid import Grid, Tile
from .header import DTYPES, IDENTITY_BYTES, SIDE_LIMIT, Header
from .metadata import Metadata
from .model import Model
from .tile_codec import TileCodec, cut
from .tile_index import CodedTile, Mode
from .tile_work import EncodeTiles, VoxelBatch
from .values import pack_values, values_to_bytes
from .workers import helpers_for, outcomes

BATCH = 8 * 64**3
"""Voxels per batch, in each process: about half a gigabyte of memory with 32 channels."""

Progress = Callable[[int], object]
"""Called with the number of voxels processed since the last call."""


@dataclass(frozen=True, eq=False)
class Source:
    """A volume (T, D, H, W) ready for coding, as voxel - `offset` or, if `values` is set, as ranks in this table."""

    voxels: np.ndarray
    is_series: bool
    dtype: np.dtype[Any]
    offset: int
    values: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Writer:
    """Writes a source as a stream, at any step."""

    source: Source
    model: Model
    side: int
    metadata: Metadata
    embed_model: bool
    optimise: bool
    model_only: bool
    progress: Progress | None

    def lossy(self, log_step: int) -> TileCodec:
        """Tile codec at a quantisation step."""
        return TileCodec(self.model, log_step, False, self.optimise)

    @property
    def grid(self) -> Grid:
        """Grid of the source's tiles."""
        return Grid(self.source.voxels.shape, self.side, self.model.levels)  # type: ignore[arg-type]

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest number that a voxel is coded as."""
        limits = np.iinfo(self.source.dtype)
        return int(limits.min) - self.source.offset, int(limits.max) - self.source.offset

    @property
    def peak(self) -> float:
        """PSNR peak."""
        return 255.0 if self.source.dtype.itemsize == 1 else 65535.0

    def voxels(self, tile: Tile) -> np.ndarray:
        """The numbers to code for a tile: voxels minus the offset, or ranks."""
        part = cut(self.source.voxels, tile)
        if self.source.values is not None:
            return np.searchsorted(self.source.values, part)
        return part.astype(np.int32) - self.source.offset

    def write(self, codec: TileCodec, observe: Callable[[float, int], None] | None = None) -> bytes:
        """The stream; `observe` receives squared error and number of voxels of every tile (see `squared_error`)."""
        grid = self.grid
        coded: list[CodedTile | None] = [None] * grid.count
        work = EncodeTiles(codec, self.model_only, None if observe is None else self.limits)
        tasks = (
            VoxelBatch(tiles, [self.voxels(tile) for tile in tiles]) for tiles in grid.batches(grid.tiles(), BATCH)
        )
        with closing(outcomes(work, tasks, helpers_for(self.source.voxels.size // BATCH))) as done:
            for batch, parts in done:
                for tile, (part, error) in zip(batch.tiles, parts, strict=True):
                    coded[tile.number] = part
                    if observe is not None:
                        observe(error, math.prod(tile.size))
                    if self.progress is not None:
                        self.progress(math.prod(tile.size))
        return self._joined(codec, coded)  # type: ignore[arg-type]

    def _joined(self, codec: TileCodec, coded: list[CodedTile]) -> bytes:
        """The stream of all tiles; without the model, its name and its identity if none of them needs it."""
        source, grid = self.source, self.grid
        needed = any(tile.mode == Mode.MODEL for tile in coded)
        identity = bytes.fromhex(self.model.identity) if needed else bytes(IDENTITY_BYTES)
        header = Header(
            source.dtype,
            grid.shape,
            source.is_series,
            codec.lossless,
            grid.levels,
            grid.side,
            codec.log_step,
            source.offset,
            identity,
        )
        values = b"" if source.values is None else values_to_bytes(source.values)
        metadata = self.metadata if needed else self.metadata.without("model")
        return write_stream(header, metadata, values, self.model.data if self.embed_model and needed else b"", coded)


def checked(volume: np.ndarray) -> np.ndarray:
    """The volume (D, H, W) or series (T, D, H, W) in native byte order. Raises AiwaveError if it cannot be coded."""
    array = np.asarray(volume)
    dtype = array.dtype.newbyteorder("=")
    if dtype not in DTYPES:
        raise AiwaveError(f"The volume holds {array.dtype} voxels: convert them to uint8, int8, uint16 or int16.")
    if array.ndim not in (3, 4) or 0 in array.shape or max(array.shape) > SIDE_LIMIT:
        raise AiwaveError(f"The volume has the shape {array.shape}: give (D, H, W) or, for a series, (T, D, H, W).")
    return array.astype(dtype, copy=False)


def prepare(volume: np.ndarray, lossless: bool) -> Source:
    """Check a volume and choose between voxels and ranks. Raises AiwaveError for one that cannot be coded."""
    array = checked(volume)
    voxels = array if array.ndim == 4 else array[None]
    values = pack_values(voxels) if lossless else None
    offset = 0 if values is not None else min(0, int(voxels.min()))  # as volumes are prepared for training
    return Source(voxels, array.ndim == 4, array.dtype, offset, values)
