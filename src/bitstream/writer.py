"""Writer of streams: a source, coded tile by tile at any step."""

import math
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from .container import write_stream
from .grid import Grid, Tile
from .header import IDENTITY_BYTES, Header
from .masks import FIRST
from .metadata import Metadata
from .model import Model
from .tile_codec import TileCodec
from .tile_index import CodedTile, Mode
from .tile_work import EncodedTile, EncodeTiles, VoxelBatch
from .voxel_types import Source
from .workers import batch_voxels, helpers_for, outcomes

Progress = Callable[[int], object]
"""Called with the number of voxels processed since the last call."""

Part = TypeVar("Part")

EMPTY = CodedTile([], 0)
"""In place of a tile that is not coded yet."""


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
        return Grid(self.source.shape, self.side, self.model.levels)

    @property
    def limits(self) -> tuple[float, float]:
        """Smallest and largest number that a voxel is decoded to."""
        source = self.source
        if source.dtype.kind not in "ui" or source.voxels.dtype.kind == "f":
            return -math.inf, math.inf
        limits = np.iinfo(source.dtype)
        return int(limits.min) - source.offset, int(limits.max) - source.offset

    @property
    def peak(self) -> float:
        """PSNR peak, in units of the numbers."""
        return self.source.peak

    def numbers(self, tile: Tile) -> np.ndarray:
        """The numbers to code for a tile; a constant if all of them are masked."""
        source, mask = self.source, self.mask(tile)
        if mask is not None and source.is_second(tile.frame):
            return mask.astype(np.int32)
        numbers = source.numbers(source.voxels[tile.frame // 2 if source.paired else tile.frame][tile.box])
        return np.full_like(numbers, np.rint(numbers.flat[0])) if mask is not None and mask.all() else numbers

    def mask(self, tile: Tile) -> np.ndarray | None:
        """The mask of a tile's place."""
        return None if self.source.mask is None else self.source.mask[tile.frame // 2][tile.box]

    def known(self, tile: Tile) -> np.ndarray | None:
        """Mask of a tile's voxels that are not exact anyway; None if that is all of them."""
        mask = self.mask(tile)
        return None if mask is None else mask == 0

    def counted(self, tile: Tile) -> int:
        """Voxels of a tile that count for a PSNR: those but NaN and infinity."""
        mask = self.mask(tile)
        return math.prod(tile.size) if mask is None else int(((mask == 0) | (mask >= FIRST)).sum())

    def tiles(self) -> Iterator[Tile]:
        """The tiles to encode; those of corrections come with the tiles that they correct."""
        source = self.source
        return (tile for tile in self.grid.tiles() if not (source.error and source.is_second(tile.frame)))

    def encoder(self, codec: TileCodec) -> EncodeTiles:
        """The work on batches of tiles, without measuring errors."""
        source = self.source
        limits = self.limits if source.error else None
        return EncodeTiles(codec, self.model_only, source.mask is not None, limits, source.error)

    def encoded(
        self, work: Callable[[VoxelBatch], list[Part]], tiles: Iterable[Tile]
    ) -> Generator[tuple[Tile, Part], None, None]:
        """Yield tiles with what `work` makes of them, in any order."""
        most = batch_voxels()
        tasks = map(self.batch, self.grid.batches(iter(tiles), most))
        with closing(outcomes(work, tasks, helpers_for(self.source.voxels.size // most))) as done:
            for batch, parts in done:
                yield from zip(batch.tiles, parts, strict=True)

    def write(self, codec: TileCodec) -> bytes:
        """The stream."""
        parts: dict[int, EncodedTile] = {}
        with closing(self.encoded(self.encoder(codec), self.tiles())) as done:
            for tile, part in done:
                parts[tile.number] = part
                self.report(tile)
        return self.joined(codec, parts)

    def report(self, tile: Tile) -> None:
        """Report a tile's voxels as processed."""
        if self.progress is not None and not self.source.is_second(tile.frame):
            self.progress(math.prod(tile.size))

    def batch(self, tiles: list[Tile]) -> VoxelBatch:
        """The numbers of tiles, and where they count."""
        return VoxelBatch(tiles, [self.numbers(tile) for tile in tiles], [self.known(tile) for tile in tiles])

    def joined(self, codec: TileCodec, parts: Mapping[int, EncodedTile]) -> bytes:
        """The stream of all tiles by number; without the model, its name and its identity if none of them needs it."""
        grid = self.grid
        coded: list[CodedTile] = [EMPTY] * grid.count
        for number, part in parts.items():
            coded[number] = part.coded
            if part.corrections is not None:
                coded[number + grid.count // grid.shape[0]] = part.corrections
        source = self.source
        needed = any(tile.mode.needs_model for tile in coded)
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
            planes=source.planes,
            masked=source.mask is not None,
            corrected=source.error > 0,
            clamped=needed and codec.known_log_step != codec.log_step,
            first=source.first,
        )
        metadata = self.metadata if needed else self.metadata.without("model")
        return write_stream(
            header,
            metadata,
            source.values,
            self.model.data if self.embed_model and needed else b"",
            list(_repeats_named(coded, header)),
        )


def _repeats_named(coded: Sequence[CodedTile], header: Header) -> Iterator[CodedTile]:
    """The tiles; those of the same bytes, size and kind of frame as an earlier one only name it."""
    earlier: dict[object, int] = {}
    for tile, part in zip(header.grid.tiles(), coded, strict=True):
        same = tile.size, tile.frame % header.frames, part.mode, part.content, tuple(part.chunks)
        first = earlier.setdefault(same, tile.number) if part.chunks else tile.number
        yield part if first == tile.number else CodedTile([], first, Mode.REPEATED)
