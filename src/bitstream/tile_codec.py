"""Tile codec: batches of tiles to coefficients and chunks, and back."""

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..coding.constants import COEFFICIENT_LIMIT, LOG_STEP_FRACTION
from ..coding.engine import Levels, VoxelEngine
from ..errors import AiwaveError
from ..models.bands import Size
from .container import join_segments, split_segments
from .grid import Tile
from .header import DAMAGED
from .model import Model
from .patterns import MOST
from .plain_tiles import checksum
from .tile_index import CodedTile, Mode

BOUND = np.dtype("<u2")
"""Type of the lowest and the highest number of a tile, which begin the chunk of a voxel model."""


@dataclass(frozen=True)
class TileCodec:
    """A model at one step, or lossless (then the step is 1). Voxels are numbers minus the offset.

    With `optimise` lossy coding is rate-distortion optimised (see `Engine.quantised`); otherwise it rounds to the
    nearest. With `clamped` entropy model and filter know no steps but those that they were trained for. Coding raises
    AiwaveError if the model does not support it.
    """

    model: Model
    log_step: int
    lossless: bool
    optimise: bool = False
    clamped: bool = True

    @property
    def step(self) -> float:
        """The quantisation step."""
        return math.exp(self.log_step / 2**LOG_STEP_FRACTION)

    @property
    def known_log_step(self) -> int:
        """`log_step` as entropy model and filter know it; if `clamped`, the nearest that they were trained for.

        Coefficients are in steps, so a volume of ten times the contrast, at ten times the step, costs about the same.
        """
        if self.lossless or not self.clamped:
            return self.log_step
        low, high = self.model.log_steps
        return min(max(self.log_step, low), high)

    def analyse(self, tiles: Sequence[np.ndarray]) -> Levels:
        """T tiles of one size (d, h, w) -> their quantised coefficients, int32: steps, or half steps if `dependent`.

        Raises AiwaveError for coefficients that are too large to code.
        """
        parts = [self._coefficients(tile) for tile in tiles]
        exact = [np.stack(level) for level in zip(*parts, strict=True)]
        if self.lossless:
            return [level.astype(np.int32) for level in exact]
        return self.model.engine.quantised(exact, tiles[0].shape, self.known_log_step, self.optimise)  # type: ignore[arg-type]

    def _coefficients(self, voxels: np.ndarray) -> Levels:
        """Coefficients of one tile in steps, int64 or float32."""
        self.model.require(self.lossless)
        dtype = np.int64 if self.lossless else np.float32
        levels = self.model.engine.forward(voxels.astype(dtype), self.lossless)
        if not self.lossless:
            levels = [level / np.float32(self.step) for level in levels]
        limit = COEFFICIENT_LIMIT / 2 - 1 if self.model.dependent else COEFFICIENT_LIMIT
        if not all(-limit <= level.min() <= level.max() <= limit for level in levels):
            other = "take another model" if self.lossless else "choose a larger step"
            raise AiwaveError(f"At this step coefficients are too large to code: {other}.")
        return levels

    def magnitudes(self, voxels: np.ndarray) -> np.ndarray:
        """Magnitudes of the coefficients of a tile (d, h, w), in steps: (n,)."""
        return np.abs(np.concatenate([level.ravel() for level in self._coefficients(voxels)]))

    def coefficient_error(self, q: Levels, voxels: np.ndarray) -> float:
        """Sum of squared errors of a tile's coefficients `q`, in intensity units: nearly that of voxels not rounded."""
        unit = np.float32(1 / (1 + self.model.dependent))
        pairs = zip(q, self._coefficients(voxels), strict=True)
        errors = (np.square(unit * ours - exact).sum(dtype=np.float64) for ours, exact in pairs)
        return self.step**2 * float(sum(errors))

    def synthesise(self, q: Levels, size: Size, missing: int = 0) -> np.ndarray:
        """The coefficients of one tile of `size` (d, h, w) -> its voxels, not rounded.

        Without the `missing` finest levels they are voxels of the preview, on the intensity scale of the volume.
        """
        self.model.require(self.lossless)
        unit = self.step / (1 + self.model.dependent)
        levels = q if self.lossless else [level.astype(np.float32) * np.float32(unit) for level in q]
        kept = self.model.levels - missing
        x = self.model.engine.inverse(levels[:kept], size, self.lossless) if kept else levels[0][0]
        if self.lossless:
            return x.astype(np.int64)
        if missing:
            return x / np.float32(self.model.description.gain**missing)
        return self.model.engine.filtered(x, self.step, math.exp(self.known_log_step / 2**LOG_STEP_FRACTION))

    def encode(self, tiles: Sequence[np.ndarray]) -> tuple[list[CodedTile], Levels]:
        """Tiles as for `analyse` -> their chunks, and their coefficients, none with a voxel model."""
        if self.model.voxels is not None:
            return self._encode_voxels(self.model.voxels, tiles), []
        q = self.analyse(tiles)
        coded = self.segments(q, tiles[0].shape)  # type: ignore[arg-type]
        contents = [self.content(one(q, k), voxels) for k, voxels in enumerate(tiles)]
        return [CodedTile(_by_level(segments), crc) for segments, crc in zip(coded, contents, strict=True)], q

    def _encode_voxels(self, engine: VoxelEngine, tiles: Sequence[np.ndarray]) -> list[CodedTile]:
        self.model.require(self.lossless)
        stacked = np.stack(tiles)
        bounds = np.stack((stacked.min(axis=(1, 2, 3)), stacked.max(axis=(1, 2, 3))), axis=1)
        if int(bounds.min()) < 0 or int(bounds.max()) >= MOST:
            raise AiwaveError("The numbers to code are beyond 16 bits: take another model.")
        pairs = zip(engine.encode(stacked, bounds), bounds.astype(BOUND), tiles, strict=True)
        return [CodedTile([ends.tobytes() + segment], checksum(voxels), Mode.VOXELS) for segment, ends, voxels in pairs]

    def decode_voxels(self, chunks: Sequence[bytes], size: Size) -> np.ndarray:
        """The inverse of `encode` with a voxel model: chunks of T tiles of `size` (d, h, w) -> (T, d, h, w) int32.

        Raises AiwaveError if they cannot be decoded.
        """
        assert self.model.voxels is not None
        head = 2 * BOUND.itemsize
        if any(len(chunk) < head for chunk in chunks):
            raise AiwaveError(DAMAGED.format("a tile has no lowest and highest number"))
        bounds = np.stack([np.frombuffer(chunk, BOUND, 2) for chunk in chunks]).astype(np.int64)
        if (bounds[:, 0] > bounds[:, 1]).any():
            raise AiwaveError(DAMAGED.format("the lowest number of a tile is above its highest"))
        return self.model.voxels.decode([chunk[head:] for chunk in chunks], bounds, size)

    def segments(self, q: Levels, size: Size) -> list[list[bytes]]:
        """Coefficients of T tiles of `size` (d, h, w) -> for every tile one segment per band."""
        return self.model.engine.encode(q, size, self.known_log_step)

    def bits(self, q: Levels, size: Size) -> int:
        """Bits of the segments of T tiles of `size` (d, h, w)."""
        return 8 * sum(len(segment) for tile in self.segments(q, size) for segment in tile)

    def content(self, q: Levels, voxels: np.ndarray) -> int:
        """CRC-32 of a tile's coefficients in coding order, as little-endian int32.

        With a purely lossless model it also covers the voxels (d, h, w), since networks lie in between; a plain 5/3
        cannot yield other voxels.
        """
        crc = 0
        for level in q:
            crc = zlib.crc32(level.astype("<i4").tobytes(), crc)
        return zlib.crc32(voxels.astype("<i4").tobytes(), crc) if self.model.only_lossless else crc

    def decode(self, chunks: Sequence[Sequence[bytes]], size: Size) -> Levels:
        """Chunks of the coarsest levels of T tiles (D, H, W) -> coefficients, int32.

        Raises AiwaveError if they cannot be decoded.
        """
        segments = [
            [part for level, chunk in enumerate(tile) for part in split_segments(chunk, 7 + (level == 0))]
            for tile in chunks
        ]
        return self.model.engine.decode(segments, size, self.known_log_step, len(chunks[0]))


def _by_level(segments: Sequence[bytes]) -> list[bytes]:
    """The 8 bands of the coarsest level together, then 7 at a time."""
    starts = [0, *range(8, len(segments), 7)]
    return [join_segments(segments[a:b]) for a, b in zip(starts, [*starts[1:], len(segments)], strict=True)]


def one(q: Levels, k: int) -> Levels:
    """The coefficients of the k-th of T tiles."""
    return [level[k] for level in q]


def cut(volume: np.ndarray, tile: Tile) -> np.ndarray:
    """The voxels of a tile of a series (T, D, H, W)."""
    return volume[tile.frame][tile.box]
