"""A volume to a stream."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..coding.constants import LOG_STEP_LIMIT, log_step_of
from ..errors import AiwaveError
from .header import TILE_LIMIT
from .model import Model
from .tile_codec import TileCodec
from .writer import Progress, Writer, prepare

SIDE = 64


def compress(
    volume: np.ndarray,
    model: Model,
    *,
    lossless: bool = False,
    step: float | None = None,
    psnr: float | None = None,
    bpp: float | None = None,
    metadata: Mapping[str, Any] | None = None,
    embed_model: bool = False,
    tile: int = SIDE,
    optimise: bool = True,
    progress: Progress | None = None,
) -> bytes:
    """Code a volume (D, H, W) or a series (T, D, H, W) of uint8, int8, uint16 or int16 as an .aiw stream.

    Give one of: `lossless`; the quantisation `step`, in units of the voxels; the `psnr` [dB] to reach, within 0.1,
    its peak 255 for 8 bits and 65535 for 16; the `bpp` [bit/voxel], within 2 %. `metadata` is anything that JSON can
    hold. Tiles of `tile` voxels a side can be decoded alone. `optimise` has lossy coding leave out what costs more
    bits than it is worth, in two to three times the time.

    Raises:
        AiwaveError: For other volumes, a model that cannot code them so, or a target that cannot be reached.
    """
    from .rate_control import Target, search

    chosen = [
        name
        for name, given in (("lossless", lossless or None), ("step", step), ("psnr", psnr), ("bpp", bpp))
        if given is not None
    ]
    if len(chosen) != 1:
        raise AiwaveError(f"Give exactly one of lossless, step, psnr and bpp, not {', '.join(chosen) or 'none'}.")
    source = prepare(volume, lossless)
    side = _side(tile, model.levels)
    writer = Writer(source, model, side, dict(metadata or {}), embed_model, optimise, progress)
    if writer.grid.largest > TILE_LIMIT:
        raise AiwaveError(
            f"Tiles of {tile} voxels a side would have more than {TILE_LIMIT} voxels: choose smaller ones."
        )
    if lossless:
        return writer.write(TileCodec(model, 0, True))
    if step is not None:
        return writer.write(writer.lossy(_log_step(step)))
    return search(writer, Target(psnr, bpp))


def _side(tile: int, levels: int) -> int:
    unit = 1 << levels
    if not 0 < tile < 1 << 16 or tile % unit:
        raise AiwaveError(f"Tiles of {tile} voxels a side cannot be made: give a multiple of {unit} below {1 << 16}.")
    return tile


def _log_step(step: float) -> int:
    try:
        log_step = log_step_of(step)
    except ValueError as error:
        raise AiwaveError(f"The step {step} cannot be used: give a positive number.") from error
    if abs(log_step) > LOG_STEP_LIMIT:
        raise AiwaveError(f"The step {step:g} is out of range: give one that fits the intensities of the volume.")
    return log_step
