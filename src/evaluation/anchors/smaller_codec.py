"""Quick in-process measurement of the sizes that parameter-free traditional codecs reach on a volume."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...bitstream.axis_order import with_first
from ...bitstream.container import open_stream
from ...bitstream.grid import middle
from ...bitstream.header import NARROW, Header
from ...bitstream.model import Model
from ...bitstream.tile_codec import TileCodec, cut, one
from ...bitstream.tile_index import Mode
from ...bitstream.tile_work import squared_error
from .anchor import Anchor
from .run_jobs import AnchorJob, measure
from .slice_codecs import JpegLs, JpegXl
from .volume_codecs import Sperr

TRIES, CLOSE = 4, 0.05
"""Attempts of SPERR to hit a PSNR, and the largest shortfall [dB] that is accepted."""


def lossless_sizes(voxels: np.ndarray) -> dict[str, float]:
    """Bytes of a (D, H, W) volume of 8- or 16-bit integers in JPEG XL and JPEG-LS, by codec name.

    Raises AiwaveError, or the library's own exception, if a codec fails.
    """
    return {
        "JPEG XL": _measured(JpegXl, "JPEG XL", {"effort": 7}, voxels, 0)[0],
        "JPEG-LS": _measured(JpegLs, "JPEG-LS", {}, voxels, 0)[0],
    }


def sperr_size(voxels: np.ndarray, error: float) -> float:
    """Bytes of (D, H, W) integers in SPERR at a mean squared error of at most `error` > 0 [squared grey values].

    Infinite if SPERR does not reach it. Raises as `lossless_sizes` does.
    """
    wanted = 10 * math.log10(_span(voxels) ** 2 / error)
    quality, best = wanted, math.inf
    for _ in range(TRIES):
        if quality <= 0:  # 0 is lossless
            break
        size, psnr = _measured(Sperr, "SPERR", {}, voxels, quality)
        if psnr >= wanted - CLOSE:
            best = min(best, size)
        if abs(psnr - wanted) <= CLOSE:
            break
        quality -= min(max(psnr - wanted, -3.0), 3.0)
    return best


def _measured(
    kind: type[Anchor], name: str, settings: Mapping[str, Any], voxels: np.ndarray, quality: float
) -> tuple[float, float]:
    """Bytes, and PSNR [dB] with the range of the voxels as peak, as SPERR defines it."""
    codec = kind(name, "quality", (), (), {}, settings)
    row = measure(AnchorJob("", "", voxels, codec, quality, _span(voxels))).row
    return row.bpp * voxels.size / 8, row.psnr_db


def _span(voxels: np.ndarray) -> float:
    return float(voxels.max()) - float(voxels.min())


LEAST = 0.01
"""The share of our bytes that is worth a word."""

LARGEST = 64**3
"""Voxels of a tile that nobody asked to have coded again."""

LOOKED_AT = 3
"""Tiles that are coded again."""

INNER = 32
"""Voxels a side of the part that the encoder's choice is made in once more."""


@dataclass(frozen=True)
class Smaller:
    """`codec` would save about a share of the stream, `saved` (0 to 1), by the `tiles` that were looked at."""

    codec: str
    saved: float
    tiles: int


def smaller_codec(volume: np.ndarray, data: bytes, model: Model, optimise: bool = True) -> Smaller | None:
    """The generic codec that would need least for what the model codes, if the stream were at least 1 % smaller.

    `volume` (D, H, W) or (T, D, H, W) is what `compress` made the stream `data` of, with this `model` and `optimise`.
    Up to three tiles that the model codes are looked at, spread over the volume; the others are coded generically
    anyway. Lossless streams are compared with JPEG XL and JPEG-LS, lossy ones with SPERR at the same PSNR as well.

    None if no codec does, if tiles hold more than 64^3 voxels, for streams with masks or corrections, for types of more
    than 16 bits, and if anything fails: this is advice, which raises nothing.
    """
    try:
        return find_smaller(np.asarray(volume), data, model, optimise)
    except Exception:
        return None


def find_smaller(volume: np.ndarray, data: bytes, model: Model, optimise: bool) -> Smaller | None:
    """As `smaller_codec`, but raises what goes wrong."""
    stream = open_stream(data)
    header, index = stream.header, stream.index
    by_model = [number for number, mode in enumerate(index.modes) if Mode(mode).needs_model]
    if header.dtype not in NARROW or header.paired or header.grid.largest > LARGEST or not by_model:
        return None
    at = {by_model[(2 * k + 1) * len(by_model) // (2 * LOOKED_AT)] for k in range(LOOKED_AT)}
    tiles = [tile for tile in header.grid.tiles() if tile.number in at]
    frames = with_first(volume, header.first).reshape(header.shape)
    totals: dict[str, float] = {}
    for tile in tiles:
        part = np.ascontiguousarray(cut(frames, tile), header.dtype)
        for name, size in _sizes(part, header, model, optimise).items():
            totals[name] = totals.get(name, 0.0) + size
    codec = min(totals, key=lambda name: totals[name])
    ours = sum(index.bytes_of(tile.number) for tile in tiles)
    of_model = sum(map(index.bytes_of, by_model))
    saved = (1 - totals[codec] / ours) * of_model / len(data)
    return Smaller(codec, saved, len(tiles)) if saved >= LEAST else None


def _sizes(part: np.ndarray, header: Header, model: Model, optimise: bool) -> dict[str, float]:
    """Bytes of a tile in each codec: losslessly and, for lossy streams, in SPERR with the tile's error."""
    sizes = lossless_sizes(part)
    if header.lossless:
        return sizes
    best = min(sizes.values())
    sizes = {f"lossless {name}": size for name, size in sizes.items()}
    error = _squared_error(part, header, model, optimise)
    return sizes | {"SPERR": sperr_size(part, error) if error else best}


def _squared_error(part: np.ndarray, header: Header, model: Model, optimise: bool) -> float:
    """Approximate mean squared error of a decoded tile (d, h, w).

    Rate-distortion optimised quantisation is slow: the error that it adds is measured in the middle of the tile only,
    and assumed to be the same everywhere.
    """
    nearest, chosen = (TileCodec(model, header.log_step, False, choose) for choose in (False, True))
    error = _decoded_error(nearest, part, header.offset)
    if optimise:
        inner = middle(part, INNER)
        error += _decoded_error(chosen, inner, header.offset) - _decoded_error(nearest, inner, header.offset)
    return max(0.0, error)


def _decoded_error(codec: TileCodec, part: np.ndarray, offset: int) -> float:
    voxels = part.astype(np.int32) - offset
    limits = np.iinfo(part.dtype)
    q = one(codec.analyse([voxels]), 0)
    return squared_error(codec, q, voxels, (limits.min - offset, limits.max - offset)) / part.size
