"""Encoder: a volume to a stream, lossless or at a step, PSNR or rate."""

import math
from collections.abc import Mapping
from contextlib import suppress
from numbers import Real
from typing import Any

import numpy as np

from ..coding.constants import LOG_STEP_LIMIT, log_step_of
from ..errors import AiwaveError, printable
from .axis_order import in_best_order
from .bounded_error import STEP, prepare_bounded, prepare_corrected, whole_error
from .container import open_stream
from .header import TILE_LIMIT
from .masks import COSTLY, MOST_FOR_PADDING
from .metadata import Metadata
from .model import Model
from .rate_control import search
from .target import Target
from .tile_codec import TileCodec
from .voxel_types import Source, checked, prepare
from .writer import Progress, Writer

SIDE = 64

LARGEST = 1e300
"""Largest step, PSNR or rate that is read."""


def compress(
    volume: np.ndarray,
    model: Model,
    *,
    lossless: bool = False,
    step: float | None = None,
    psnr: float | None = None,
    bpp: float | None = None,
    max_error: float | None = None,
    metadata: Mapping[str, Any] | None = None,
    original: bytes = b"",
    embed_model: bool = False,
    tile: int = SIDE,
    optimise: bool = True,
    model_only: bool = False,
    progress: Progress | None = None,
) -> bytes:
    """Code a volume (D, H, W) or a series (T, D, H, W) with a loaded model; arguments are those of `aiwave.compress`.

    Raises AiwaveError as that does.
    """
    check_one({"lossless": lossless or None, "step": step, "psnr": psnr, "bpp": bpp, "max_error": max_error})
    if not isinstance(metadata or {}, Mapping) or not isinstance(original, bytes):
        raise AiwaveError("The metadata are not a mapping, or the original header is not bytes: give these.")
    entries = dict(metadata or {})
    if "max_error" in entries:
        raise AiwaveError("The metadata has an entry max_error, which only the encoder writes: leave it out.")
    voxels, side = checked(volume), side_of(tile, model.levels)

    def coded(source: Source, progress: Progress | None = progress) -> bytes:
        exact, wanted = lossless or (max_error is not None and not source.error), step or STEP * source.error
        log_step = 0 if exact else _log_step(wanted, source.scale) if wanted else None
        source = in_best_order(source, model, log_step)
        writer = Writer(source, model, side, Metadata(entries, original), embed_model, optimise, model_only, progress)
        if writer.grid.largest > TILE_LIMIT:
            raise AiwaveError(
                f"Tiles of {tile} voxels per side would have more than {TILE_LIMIT} voxels: choose smaller ones."
            )
        if exact:
            return writer.write(TileCodec(model, 0, True))
        return search(writer, Target(psnr, bpp)) if log_step is None else writer.write(writer.lossy(log_step))

    if max_error is not None:
        entries["max_error"] = error = whole_error(max_error)
        return coded((prepare_bounded if model.codes_losslessly else prepare_corrected)(voxels, error))
    source = prepare(voxels, lossless)
    data = coded(source)
    if step is not None and source.padded and _mask_share(data) > COSTLY:
        with suppress(AiwaveError):  # padding may be too far away to be coded
            other = coded(prepare(voxels, lossless, padding=False), progress=None)
            data = other if len(data) > MOST_FOR_PADDING * len(other) else data
    return data


def _mask_share(data: bytes) -> float:
    """The share of a stream that its mask takes."""
    stream = open_stream(data)
    masks = [tile.number for tile in stream.header.grid.tiles() if tile.frame % 2]
    return sum(map(stream.index.bytes_of, masks)) / len(data)


def check_one(qualities: Mapping[str, float | None]) -> None:
    """Raise AiwaveError unless exactly one of the qualities is given, and a number."""
    *names, last = qualities
    chosen = [name for name, given in qualities.items() if given is not None]
    for name, given in qualities.items():
        is_number = isinstance(given, Real) and not isinstance(given, bool | np.bool_)
        value: Any = given.item() if isinstance(given, np.generic) else given  # float32 cannot hold the limit
        if name in chosen and name in ("step", "psnr", "bpp") and not (is_number and 0 < value <= LARGEST):
            raise AiwaveError(f"The {name} {printable(repr(given), 40)} cannot be used: give a positive number.")
    if len(chosen) != 1:
        wanted = f"{', '.join(names)} and {last}"
        raise AiwaveError(f"Give exactly one of {wanted}, not {', '.join(chosen) or 'none'}.")


def side_of(tile: int, levels: int = 1) -> int:
    """The side of tiles, for models with at least so many levels. Raises AiwaveError for sides that cannot be coded."""
    unit = 1 << levels
    is_whole = isinstance(tile, int | np.integer) and not isinstance(tile, bool)
    if not is_whole or not 0 < tile < 1 << 16 or tile % unit:
        raise AiwaveError(f"Tiles cannot have {tile!r} voxels per side: give a multiple of {unit} below {1 << 16}.")
    return int(tile)


def _log_step(step: float, scale: float) -> int:
    if not 0 < step < math.inf:
        raise AiwaveError(f"The step {step} cannot be used: give a positive number.")
    number = step / scale
    if not 0 < number < math.inf or abs(log_step := log_step_of(number)) > LOG_STEP_LIMIT:
        raise AiwaveError(f"The step {step:g} is out of range: give one that fits the intensities of the volume.")
    return log_step
