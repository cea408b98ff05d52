"""Volumes to .aiw streams and back, with a model given by its name, its file, its run or not at all."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .bitstream.container import open_stream
from .bitstream.decoder import Region, info
from .bitstream.decoder import decompress as decode
from .bitstream.encoder import SIDE
from .bitstream.encoder import compress as encode
from .bitstream.model import Model
from .bitstream.writer import Progress, checked
from .errors import AiwaveError
from .pretrained.choice import AUTO, automatic_model, shipped_by_identity, shipped_model

__all__ = ["compress", "decompress", "find_model", "info"]

LIMIT = 1 << 30
"""Largest size of a model file [bytes]."""


def compress(
    volume: np.ndarray,
    model: Model | str | Path | None = None,
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

    `model` is anything that `find_model` takes; without one a ready-made model is chosen (see `automatic_model`).
    Give one of: `lossless`; the quantisation `step`, in units of the voxels; the `psnr` [dB] to reach, within 0.1,
    its peak 255 for 8 bits and 65535 for 16; the `bpp` [bit/voxel], within 2 %. `metadata` is anything that JSON can
    hold. Tiles of `tile` voxels a side can be decoded alone. `optimise` has lossy coding leave out what costs more
    bits than it is worth, in two to three times the time.

    Raises:
        AiwaveError: For other volumes, a model that cannot code them so, or a target that cannot be reached.
    """
    voxels = checked(volume)
    chosen = automatic_model(voxels, lossless)[0] if model in (None, AUTO) else find_model(model)
    return encode(
        voxels,
        chosen,
        lossless=lossless,
        step=step,
        psnr=psnr,
        bpp=bpp,
        metadata=metadata,
        embed_model=embed_model,
        tile=tile,
        optimise=optimise,
        progress=progress,
    )


def decompress(
    data: bytes | memoryview,
    region: Region | None = None,
    level: int = 0,
    model: Model | str | Path | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """Decode an .aiw stream: the volume (D, H, W) or series (T, D, H, W), in the dtype that it had.

    `region` gives first and last voxel (exclusive) along z, y, x, or t, z, y, x: only tiles that it touches are
    decoded. `level` K leaves the K finest levels out: a preview whose voxels are those at multiples of 2**K,
    smoothed; the region counts voxels of the whole volume. `model` is anything that `find_model` takes; it is needed
    unless it is in the stream or a ready-made one.

    Raises:
        AiwaveError: If the stream is damaged, the model is missing or another, or region or level do not exist.
    """
    if model is not None:
        return decode(data, region, level, find_model(model), progress)
    stream = open_stream(data)
    shipped = None if stream.model else shipped_by_identity(stream.header.identity.hex())
    return decode(data, region, level, shipped, progress)


def find_model(model: Model | str | Path) -> Model:
    """Load a ready-made model by its name, a model file, or the codec of a run's folder or checkpoint.

    A loaded model is returned as it is. Raises AiwaveError if there is none, or it is damaged or cannot write files.
    """
    if isinstance(model, Model):
        return model
    path = Path(model).expanduser()
    if not path.exists() and path.name == str(model) and not path.suffix:
        return shipped_model(path.name)
    if path.is_dir() or path.suffix == ".ckpt":
        from .training.stage_codec import run_model_file

        return Model.from_bytes(run_model_file(path))
    try:
        if path.stat().st_size > LIMIT:
            raise AiwaveError(f"{path} is too large to be a model file: give one that aiwave export wrote.")
        data = path.read_bytes()
    except OSError as error:
        raise AiwaveError(f"The model {path} cannot be read: {error.strerror}.") from error
    try:
        return Model.from_bytes(data)
    except AiwaveError as error:
        raise AiwaveError(f"{path}: {error}") from error
