"""Tile codec: batches of tiles to coefficients and chunks, and back."""

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..coding.constants import COEFFICIENT_LIMIT, LOG_STEP_FRACTION
from ..coding.encoder_choice import dependent, optimised
from ..errors import AiwaveError
from ..models.bands import Size
from ..models.quantisation.slopes import LOOKS
from ..models.subbands import Subbands
from .container import join_segments, split_segments
from .grid import Tile
from .model import Model
from .tile_index import CodedTile


@dataclass(frozen=True)
class TileCodec:
    """A model at one step, or lossless (then the step is 1). Voxels are float32 or float64, minus the offset.

    With `optimise` lossy coding is rate-distortion optimised (see `optimised`); otherwise it rounds to the nearest.
    """

    model: Model
    log_step: int
    lossless: bool
    optimise: bool = False

    @property
    def step(self) -> float:
        """The quantisation step."""
        return math.exp(self.log_step / 2**LOG_STEP_FRACTION)

    @torch.inference_mode()
    def analyse(self, tiles: Sequence[np.ndarray]) -> Subbands:
        """Tiles of one size (d, h, w) -> their quantised coefficients, int64: steps, or half steps if `dependent`.

        Raises AiwaveError for coefficients that are too large to code.
        """
        exact = _joined([self._analyse_one(tile) for tile in tiles])
        if self.model.dependent:
            return dependent(self.model.coder, exact, self.log_step, LOOKS if self.optimise else 0)
        if self.optimise and not self.lossless:
            return optimised(self.model.coder, exact, self.log_step)
        return exact.map(lambda band: torch.round(band).long())

    def _analyse_one(self, voxels: np.ndarray) -> Subbands:
        """Coefficients of one tile in steps; tile by tile, so that rounding does not depend on the batch."""
        dtype = torch.float64 if self.lossless else torch.float32
        x = torch.from_numpy(np.ascontiguousarray(voxels)).to(dtype)[None, None]
        step, model = self.step, self.model
        q = model.reversible.forward(x) if self.lossless else model.transform(x).map(lambda band: band / step)
        limit = COEFFICIENT_LIMIT / 2 - 1 if model.dependent else COEFFICIENT_LIMIT
        if not all(float(band.abs().max()) <= limit for band in (q.approx, *q.details)):
            other = "take another model" if self.lossless else "choose a larger step"
            raise AiwaveError(f"With a step of {step:g} coefficients are too large to code: {other}.")
        return q

    @torch.inference_mode()
    def synthesise(self, q: Subbands, size: Sequence[int], missing: int = 0) -> np.ndarray:
        """The coefficients of one tile -> its first `size` (d, h, w) voxels, not rounded.

        Without the `missing` finest levels they are voxels of the preview, on the intensity scale of the volume.
        """
        depth, height, width = size
        inverse = self.model.reversible.inverse if self.lossless else self.model.transform.inverse
        q = q.coarsest(self.model.levels - missing)
        if self.lossless:
            return inverse(q.map(Tensor.double))[0, 0, :depth, :height, :width].numpy()
        step = self.step
        unit = step / 2 if self.model.dependent else step
        x = inverse(q.map(lambda band: band.float() * unit))[:, :, :depth, :height, :width]
        if missing:
            return (x / self.model.description.gain**missing)[0, 0].numpy()
        return self.model.post(x, torch.tensor([step]))[0, 0].numpy()

    def encode(self, tiles: Sequence[np.ndarray]) -> tuple[list[CodedTile], Subbands]:
        """Tiles as for `analyse` -> their chunks, and their coefficients."""
        q = self.analyse(tiles)
        coded = self.model.coder.encode(q, self.log_step)
        contents = [self.content(one(q, k), voxels) for k, voxels in enumerate(tiles)]
        return [CodedTile(_by_level(segments), crc) for segments, crc in zip(coded, contents, strict=True)], q

    def content(self, q: Subbands, voxels: np.ndarray) -> int:
        """CRC-32 of a tile's coefficients in coding order, as little-endian int32.

        With a purely lossless model it also covers the voxels (d, h, w), since networks lie in between; a plain 5/3
        cannot yield other voxels.
        """
        crc = 0
        for band in (q.approx, *q.details):
            crc = zlib.crc32(band.numpy().astype("<i4").tobytes(), crc)
        return crc if self.model.integers is None else zlib.crc32(voxels.astype("<i4").tobytes(), crc)

    def decode(self, chunks: Sequence[Sequence[bytes]], size: Size) -> Subbands:
        """Chunks of the coarsest levels of tiles (D, H, W) -> coefficients, int64.

        Raises AiwaveError if they cannot be decoded.
        """
        levels = len(chunks[0])
        segments = [
            [part for level, chunk in enumerate(tile) for part in split_segments(chunk, 7 + (level == 0))]
            for tile in chunks
        ]
        return self.model.coder.decode(segments, size, self.log_step, levels)


def _by_level(segments: Sequence[bytes]) -> list[bytes]:
    """The 8 bands of the coarsest level together, then 7 at a time."""
    starts = [0, *range(8, len(segments), 7)]
    return [join_segments(segments[a:b]) for a, b in zip(starts, [*starts[1:], len(segments)], strict=True)]


def _joined(parts: Sequence[Subbands]) -> Subbands:
    details = zip(*(part.details for part in parts), strict=True)
    approx = torch.cat([part.approx for part in parts])
    return Subbands(approx, tuple(torch.cat(level) for level in details), parts[0].size)


def one(q: Subbands, k: int) -> Subbands:
    """The subbands of the k-th tile."""
    return q.map(lambda band: band[k : k + 1])


def cut(volume: np.ndarray, tile: Tile) -> np.ndarray:
    """The voxels of a tile of a series (T, D, H, W)."""
    return volume[tile.frame][tile.box]
