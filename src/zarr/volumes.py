"""Chunks of arrays as volumes: shapes, types, and coding in one thread."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..bitstream.chunk import constant_chunk, constant_volume, is_constant, short_form, whole_form
from ..bitstream.container import open_stream
from ..bitstream.decoder import decompress
from ..bitstream.encoder import compress
from ..bitstream.exact_preview import exact_preview
from ..bitstream.header import DTYPES
from ..bitstream.target import TargetMissed
from ..budget import allow_large
from ..coding.core import at_most_threads
from ..errors import AiwaveError
from .settings import LOSSLESS, Settings

Region = Sequence[tuple[int, int]]
"""First and last index (exclusive) along each axis."""


def require_codable(shape: Sequence[int], dtype: np.dtype[Any]) -> None:
    """Raise AiwaveError for chunks that are no volumes, and for types that cannot be coded."""
    if not 3 <= len(shape) <= 5:
        raise AiwaveError(f"Chunks have 3 to 5 axes, as in (z, y, x) or (t, c, z, y, x), not {len(shape)}.")
    if dtype.newbyteorder("=") not in DTYPES:
        names = ", ".join(str(each) for each in map(np.dtype, DTYPES))
        raise AiwaveError(f"Arrays of {dtype} cannot be coded: their type is one of {names}.")


def encode(array: np.ndarray, settings: Settings) -> bytes:
    """Code an array of 3 to 5 axes, the last of which are z, y, x; those before count as time.

    A chunk that no step gives the PSNR asked for, as many with padding or air, has the next better one that was found.
    Raises AiwaveError for other arrays, or a quality that cannot be reached.
    """
    require_codable(array.shape, array.dtype)
    volume = array.astype(array.dtype.newbyteorder("="), copy=False).reshape(_volume_shape(array.shape))
    if (chunk := constant_chunk(volume)) is not None:
        return chunk
    with at_most_threads(1):
        try:
            stream = compress(volume, settings.load(), **settings.quality)
        except TargetMissed as missed:
            if missed.better is None:
                raise
            stream = compress(volume, settings.load(), step=missed.better)
        return short_form(stream)


def decode(
    chunk: bytes, shape: Sequence[int], dtype: np.dtype[Any], settings: Settings, region: Region | None = None
) -> np.ndarray:
    """Decode a chunk of this shape and type, or the tiles that a region of it touches.

    Raises AiwaveError if it is damaged, has another shape or type, or its model is missing.
    """
    want, axes = _volume_shape(shape), len(shape) - 3
    if is_constant(chunk):
        volume = constant_volume(chunk)
        _require_same(volume.shape, volume.dtype, want, dtype)
        return volume.reshape(shape)[tuple(slice(a, b) for a, b in region or [(0, size) for size in shape])]
    found = settings.load()
    stream = whole_form(chunk, found.identity)
    inside = None if region is None or any(side > 1 for side in shape[:axes]) else region[axes:]
    with at_most_threads(1), allow_large(True):  # the array's metadata says how large a chunk is
        header = open_stream(stream).header
        _require_same(header.volume_shape, header.dtype, want, dtype)
        volume = decompress(stream, inside, model=found)
    if region is None:
        return volume.reshape(shape)
    if inside is None:
        return volume.reshape(shape)[tuple(slice(a, b) for a, b in region)]
    return volume.reshape([b - a for a, b in region])


def low_band(chunk: bytes, shape: Sequence[int], dtype: np.dtype[Any], settings: Settings) -> np.ndarray:
    """Decode a chunk of this shape and type without its finest level: half the size along z, y, x, rounded up.

    Raises AiwaveError as `decode` does.
    """
    want, half = _volume_shape(shape), [*shape[:-3], *(-(-size // 2) for size in shape[-3:])]
    if is_constant(chunk):
        volume = constant_volume(chunk)
        _require_same(volume.shape, volume.dtype, want, dtype)
        return np.broadcast_to(volume.reshape(-1)[0], half)
    found = settings.load()
    stream = whole_form(chunk, found.identity)
    with at_most_threads(1), allow_large(True):
        header = open_stream(stream).header
        _require_same(header.volume_shape, header.dtype, want, dtype)
        return decompress(stream, level=1, model=found).reshape(half)


def tells_low_bands(settings: Settings) -> bool:
    """True if `low_band_of` knows low bands: those of exact chunks of a model without a transform."""
    return settings.mode == LOSSLESS and settings.load().voxels is not None


def low_band_of(array: np.ndarray, settings: Settings) -> np.ndarray:
    """The result of `low_band` for the chunk of an array of 8- or 16-bit integers, from the array itself.

    The settings are such that `tells_low_bands`.
    """
    half = [*array.shape[:-3], *(-(-size // 2) for size in array.shape[-3:])]
    return exact_preview(array.reshape(_volume_shape(array.shape)), settings.load()).reshape(half)


def _volume_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """(z, y, x), or (t, z, y, x) where leading axes have more than one index."""
    *leading, depth, height, width = shape
    frames = int(np.prod(leading, dtype=np.int64))
    return (depth, height, width) if frames == 1 else (frames, depth, height, width)


def _require_same(shape: Sequence[int], dtype: np.dtype[Any], want: Sequence[int], want_dtype: np.dtype[Any]) -> None:
    if tuple(shape) != tuple(want) or dtype != want_dtype.newbyteorder("="):
        raise AiwaveError(
            f"A chunk holds {tuple(shape)} of {dtype}, not {tuple(want)} of {want_dtype} as the array's metadata says: "
            "it is of another array, or damaged."
        )
