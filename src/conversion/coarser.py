"""Voxels of a level from those of the level before it: in the unfinished store or, where it is exact, in the source."""

from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from ..bitstream.restorer import to_type
from ..errors import AiwaveError
from ..stores.stored_array import Box
from .codecs import filled_up
from .job import Job
from .levels import LOW_BAND, NEAREST, Level


def coarser(job: Job, number: int, box: Box) -> np.ndarray:
    """The voxels of a box of level `number`, from 1. Raises AiwaveError if those of the level before are damaged."""
    level, before = job.levels[number], job.levels[number - 1]
    folder = str(job.folder / before.path)
    wider = tuple(
        slice(part.start * k, min(part.stop * k, size))
        for part, k, size in zip(box, level.factors, before.shape, strict=True)
    )
    if level.method == LOW_BAND:
        found = _from_source(job, wider) if number == 1 else None
        return np.asarray(_low_bands(folder, job.digest)[box]) if found is None else found
    voxels = np.asarray(_opened(folder, job.digest)[wider])
    if level.method == NEAREST:
        return voxels[tuple(slice(None, None, k) for k in level.factors)]
    return _mean(voxels, level)


def _from_source(job: Job, wider: Box) -> np.ndarray | None:
    """The low bands of whole chunks of the first level, from the source; None if they have to be decoded.

    Models without a transform decode all of a chunk for its low band, which takes as long as coding it.
    """
    from ..zarr.settings import Settings
    from ..zarr.volumes import low_band_of, tells_low_bands

    chunk = job.levels[0].chunk
    settings = None if job.codec is None else Settings(job.codec["model"], job.codec["mode"])
    if settings is None or not tells_low_bands(settings) or any(a.start % b for a, b in zip(wider, chunk, strict=True)):
        return None
    voxels = job.source.read(wider)
    half = np.empty(_halved(voxels.shape), voxels.dtype)
    for start in product(*(range(0, size, side) for size, side in zip(voxels.shape, chunk, strict=True))):
        part = voxels[tuple(slice(a, a + side) for a, side in zip(start, chunk, strict=True))]
        low = low_band_of(filled_up(part, chunk), settings)
        size = _halved(part.shape)
        places = zip((*start[:-3], *(a // 2 for a in start[-3:])), size, strict=True)
        half[tuple(slice(a, a + side) for a, side in places)] = low[tuple(slice(0, side) for side in size)]
    return half


def _mean(voxels: np.ndarray, level: Level) -> np.ndarray:
    """Means of blocks; what is cut off at the end of an axis is repeated."""
    whole = [-(-size // k) * k for size, k in zip(voxels.shape, level.factors, strict=True)]
    padded = np.pad(voxels, [(0, b - a) for a, b in zip(voxels.shape, whole, strict=True)], mode="edge")
    sides = [part for size, k in zip(whole, level.factors, strict=True) for part in (size // k, k)]
    blocks = padded.reshape(sides)
    mean = blocks.mean(axis=tuple(range(1, len(sides), 2)), dtype=np.float64)
    if voxels.dtype.kind == "f":
        return mean.astype(voxels.dtype)
    if voxels.dtype.kind == "b":
        return mean >= 0.5
    return to_type(np.rint(mean), voxels.dtype)


@lru_cache(maxsize=4)
def _opened(folder: str, digest: str) -> Any:
    """The array in a folder, for one job: the next may have another there."""
    import zarr

    try:
        return zarr.open_array(folder, mode="r")
    except FileNotFoundError as error:
        raise AiwaveError(f"{Path(folder).parent} is not there: all workers need the folder of the target.") from error


@lru_cache(maxsize=4)
def _low_bands(folder: str, digest: str) -> Any:
    """The array in a folder, of our codec in shards, read as the low bands of its chunks, half as large."""
    from dataclasses import replace

    from zarr.core.chunk_grids import RegularChunkGrid

    import zarr

    from ..zarr.array_codec import LowBandCodec

    array = _opened(folder, digest)
    (sharding,) = array.metadata.codecs
    (codec,) = sharding.codecs
    chunk, shape = _halved(sharding.chunk_shape), _halved(array.metadata.shape)
    shard = tuple(
        side * (outer // inner)
        for side, outer, inner in zip(chunk, array.metadata.chunk_grid.chunk_shape, sharding.chunk_shape, strict=True)
    )
    low = replace(sharding, chunk_shape=chunk, codecs=(LowBandCodec(codec.model, codec.mode, sharding.chunk_shape),))
    metadata = replace(array.metadata, shape=shape, chunk_grid=RegularChunkGrid(chunk_shape=shard), codecs=(low,))
    return zarr.Array(zarr.AsyncArray(metadata=metadata, store_path=array.store_path))


def _halved(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[:-3], *(-(-size // 2) for size in shape[-3:]))
