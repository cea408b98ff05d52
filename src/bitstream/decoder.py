"""Decoder: a stream to a volume, or a region or preview of it, and the description of a stream."""

import math
import operator
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any

import numpy as np

from ..budget import budget, check_budget
from ..errors import AiwaveError, printable
from .axis_order import as_before
from .container import Stream, open_stream
from .grid import Box, Tile
from .header import DAMAGED, Header
from .model import Model
from .restorer import Restorer
from .tile_codec import TileCodec
from .tile_index import Mode
from .tile_work import CodedBatch, DecodeTiles
from .workers import MOST, batch_voxels, helpers_for, outcomes
from .working_memory import working_memory
from .writer import Progress

Region = Sequence[slice | tuple[int, int]]


def decompress(
    data: bytes | memoryview,
    region: Region | None = None,
    level: int = 0,
    model: Model | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """Decode an .aiw stream: the volume (D, H, W) or series (T, D, H, W), in its original dtype.

    `region` gives first and last voxel (exclusive) along z, y, x, or t, z, y, x: only tiles that it touches are
    decoded. `level` K omits the K finest levels, for a preview of the voxels at multiples of 2**K, smoothed; the region
    still counts voxels of the full volume. `model` is needed unless it is embedded in the stream.

    Raises:
        AiwaveError: If the stream is damaged, the model is missing or the wrong one, or region or level do not exist.
    """
    stream = open_stream(data)
    header = stream.header
    if not isinstance(level, int | np.integer) or not 0 <= level <= header.levels:
        raise AiwaveError(
            f"The file has {header.levels} levels: give a level from 0 to {header.levels}, not {level!r}."
        )
    level = int(level)
    box = header.coded(to_box(header, region))
    found = stream_model(stream, model)
    codec = None if found is None else TileCodec(found, header.log_step, header.lossless, clamped=header.clamped)
    restorer = Restorer.of(header, stream.values)
    work = DecodeTiles(codec, restorer, level)
    held = len(stream.data) + (0 if found is None else len(found.data))
    volume, of_thread = _memory(stream, work, box)
    check_budget(volume + of_thread, held, "The file", "decode a region of it")
    threads = int(min(MOST, (budget(held) - volume) / max(1, of_thread)))
    try:
        out = np.zeros([part.stop - part.start for part in coarse_box(box, level)], restorer.dtype)
        with closing(_tiles(stream, work, box, threads, progress)) as tiles:
            for tile, voxels in tiles:
                _place(out, tile, voxels, coarse_box(box, level), level)
        out = as_before(restorer.joined(out, level), header.first)
    except MemoryError as error:
        raise AiwaveError("There is not enough memory for the volume: decode a region of it.") from error
    return out if header.is_series else out[0]


PLAIN_BYTES, RESTORED_BYTES = 24, 32
"""Bytes of memory per voxel of a tile without the model, and of a volume whose numbers are restored in the end."""


def _memory(stream: Stream, work: DecodeTiles, box: Box) -> tuple[int, int]:
    """Bytes of memory that decoding a box takes at most, about: of the volume, and of each thread's work on tiles.

    Constant tiles take none.
    """
    header, modes = stream.header, stream.index.modes
    per_voxel = RESTORED_BYTES if work.restorer.deferred else header.dtype.itemsize
    copied = header.dtype.itemsize if header.first else 0
    volume = (per_voxel + copied) * math.prod(part.stop - part.start for part in coarse_box(box, work.level))
    depth, height, width = (side >> min(work.smoothed, header.levels) for side in header.grid.largest_filled_up)
    tile = depth, height, width
    plain = PLAIN_BYTES * header.grid.largest if (modes > Mode.CONSTANT).any() else 0
    by_model = 0
    if work.codec is not None and stream.index.needs_model:
        by_model = working_memory(work.codec.model, tile, min(batch_voxels(), math.prod(tile) * len(modes)))
    return volume, max(plain, by_model)


def _tiles(
    stream: Stream, work: DecodeTiles, box: Box, threads: int, progress: Progress | None
) -> Generator[tuple[Tile, np.ndarray], None, None]:
    """Yield the tiles that a box touches, with their voxels."""
    grid, level = stream.header.grid, work.level
    most = batch_voxels() << 3 * min(level, grid.levels - 1)

    def batch(tiles: list[Tile]) -> CodedBatch:
        return CodedBatch(tiles, [stream.tile(tile.number, max(1, grid.levels - work.smoothed)) for tile in tiles])

    count = sum(math.prod(tile.size) for tile in grid.tiles(box)) // most
    tasks = map(batch, grid.batches(grid.tiles(box), most))
    with closing(outcomes(work, tasks, min(helpers_for(count), threads - 1))) as done:
        for task, parts in done:
            for tile, part in zip(task.tiles, parts, strict=True):
                yield tile, part
                if progress is not None:
                    progress(math.prod(tile.size))


def _place(out: np.ndarray, tile: Tile, voxels: np.ndarray, box: Box, level: int) -> None:
    """Copy the part of a tile inside the box, which counts voxels of the preview, to its place in `out`."""
    source, target = [], []
    for part, want in zip(tile.box, box[1:], strict=True):
        first, last = part.start >> level, -(-part.stop >> level)
        a, b = max(first, want.start), min(last, want.stop)
        source.append(slice(a - first, b - first))
        target.append(slice(a - want.start, b - want.start))
    out[(tile.frame - box[0].start, *target)] = voxels[tuple(source)]


def to_box(header: Header, region: Region | None) -> Box:
    """A region as slices along t (counting frames of numbers), z, y, x. Raises AiwaveError if it lies outside."""
    shape = header.shape[0] // header.frames, *header.volume_shape[-3:]
    axes = 4 if header.is_series else 3
    whole = [slice(0, size) for size in shape]
    if region is None:
        return slice(0, header.shape[0]), *whole[1:]  # type: ignore[return-value]
    ends = _ends(region)
    if len(ends) not in {3, axes}:
        raise AiwaveError(f"The region has {len(ends)} axes: give {'z, y, x' if axes == 3 else 't, z, y, x'}.")
    for axis, (start, stop) in enumerate(ends, start=4 - len(ends)):
        start, stop = 0 if start is None else start, shape[axis] if stop is None else stop
        if not 0 <= start < stop <= shape[axis]:
            raise AiwaveError(
                f"The region {start}:{stop} along {'tzyx'[axis]} does not lie in 0:{shape[axis]}: choose one inside it."
            )
        whole[axis] = slice(start, stop)
    frames = slice(whole[0].start * header.frames, whole[0].stop * header.frames)
    return frames, *whole[1:]  # type: ignore[return-value]


def _ends(region: Region) -> list[tuple[int | None, int | None]]:
    """First and last voxel (exclusive) along each axis. Raises AiwaveError for anything else."""
    try:
        if any(isinstance(part, slice) and part.step not in (None, 1) for part in region):
            raise ValueError
        pairs = [(part.start, part.stop) if isinstance(part, slice) else part for part in region]
        return [(_index(start), _index(stop)) for start, stop in pairs]
    except (TypeError, ValueError) as error:
        words = printable(repr(region), 80)
        raise AiwaveError(f"The region {words} cannot be read: give a slice or (first, last) for each axis.") from error


def _index(end: Any) -> int | None:
    return None if end is None else operator.index(end)


def coarse_box(box: Box, level: int) -> Box:
    """The box of preview voxels that a box of the volume covers."""
    frames, *rest = box
    return frames, *(slice(part.start >> level, -(-part.stop >> level)) for part in rest)  # type: ignore[return-value]


def stream_model(stream: Stream, given: Model | None) -> Model | None:
    """The model of a stream, given or embedded, None if it needs none.

    Raises AiwaveError if it is missing or the wrong one.
    """
    if not stream.header.needs_model:
        return None
    identity = stream.header.identity.hex()
    if given is None and not stream.model:
        name = stream.metadata.get("model")
        called = f" {name!r}" if isinstance(name, str) else ""
        raise AiwaveError(f"The file needs its model{called} (identity {identity[:16]}…): give the model file.")
    model = given or Model.from_bytes(stream.model)
    if model.identity != identity:
        raise AiwaveError(
            f"The file was written with the model {identity[:16]}…, not with {model.name} ({model.identity[:16]}…): "
            "give the model it was written with."
        )
    if model.levels != stream.header.levels:
        raise AiwaveError(DAMAGED.format("its model has other levels"))
    if (Mode.MODEL if model.voxels else Mode.VOXELS) in stream.index.modes:
        raise AiwaveError(DAMAGED.format("its tiles are not those of its model"))
    return model


def info(data: bytes | memoryview) -> dict[str, Any]:
    """Description of a stream, as plain values that JSON can hold. Raises AiwaveError if it is damaged."""
    stream = open_stream(data)
    header = stream.header
    voxels, restorer = math.prod(header.volume_shape), Restorer.of(header, stream.values)
    return {
        "version": header.version,
        "dtype": header.dtype.name,
        "shape": list(header.volume_shape),
        "lossless": header.lossless,
        "step": None if header.lossless else restorer.step,
        "levels": header.levels,
        "tile": header.side,
        "tiles": header.grid.count,
        "bytes": len(stream.data),
        "bpp": 8 * len(stream.data) / voxels,
        "ratio": voxels * header.dtype.itemsize / len(stream.data),
        "model": header.identity.hex() if header.needs_model else None,
        "model_bytes": len(stream.model),
        "packed_values": bool(stream.values),
        "planes": header.planes,
        "masked": header.masked,
        "corrected": header.corrected,
        "first_axis": "zyx"[header.first],
        "padding": [] if restorer.paddings is None else restorer.paddings.tolist(),
        "tiles_by": {mode.name.lower(): int((stream.index.modes == mode).sum()) for mode in Mode},
        "original_bytes": len(stream.original),
        "metadata": stream.metadata,
    }
