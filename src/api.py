"""Compression and decompression of volumes with a model given by name, file or run, or chosen automatically."""

from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from .bitstream.bounded_error import whole_error
from .bitstream.container import open_stream
from .bitstream.decoder import Region
from .bitstream.decoder import decompress as decode
from .bitstream.decoder import info as describe
from .bitstream.encoder import SIDE, check_one, side_of
from .bitstream.encoder import compress as encode
from .bitstream.model import Model
from .bitstream.voxel_types import checked
from .bitstream.writer import Progress
from .budget import allow_large as allow_large_files
from .errors import AiwaveError
from .pretrained.card import is_name
from .pretrained.choice import AUTO, automatic_model, shipped_by_identity, shipped_model
from .system import user_path

__all__ = ["compress", "decompress", "find_model", "info"]


def compress(
    volume: np.ndarray,
    model: Model | str | Path | None = None,
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
    """Code a volume (D, H, W) or a series (T, D, H, W) of integers or floats of up to 64 bits as an .aiw stream.

    `model` is any argument of `find_model`; without one a ready-made model is chosen (see `automatic_model`).
    Give one of: `lossless`; the quantisation `step`, in units of the voxels; a target `psnr` [dB], met within 0.1, with
    peak 255 for 8-bit and 65535 for 16-bit integers, and the range of the voxels for other types; a target `bpp`
    [bit/voxel], met within 2 %; or `max_error`, a whole number of grey levels that no voxel of 8- or 16-bit integers
    differs by more than: by quantisation before lossless coding or, with a model that codes only lossily, by
    corrections. `metadata` must be representable in JSON; `original`, the header of an image file, is kept beside it.
    Tiles of `tile` voxels per side can be decoded independently. `optimise` turns on rate-distortion optimised
    quantisation in lossy coding, which takes two to three times as long. Tiles that JPEG XL or LZMA codes exactly in
    fewer bytes are coded by these but for `model_only`.

    Raises:
        AiwaveError: For other volumes, a model that does not support this coding, or a target that cannot be reached.
    """
    check_one({"lossless": lossless or None, "step": step, "psnr": psnr, "bpp": bpp, "max_error": max_error})
    side_of(tile)
    voxels = checked(volume)
    if model in (None, AUTO):
        error = None if max_error is None else whole_error(max_error)
        chosen = automatic_model(voxels, lossless or error is not None, max_error=error)[0]
    else:
        chosen = find_model(model)
    return encode(
        voxels,
        chosen,
        lossless=lossless,
        step=step,
        psnr=psnr,
        bpp=bpp,
        max_error=max_error,
        metadata=metadata,
        original=original,
        embed_model=embed_model,
        tile=tile,
        optimise=optimise,
        model_only=model_only,
        progress=progress,
    )


def decompress(
    data: bytes | memoryview,
    region: Region | None = None,
    level: int = 0,
    model: Model | str | Path | None = None,
    progress: Progress | None = None,
    allow_large: bool = False,
) -> np.ndarray:
    """Decode an .aiw stream: the volume (D, H, W) or series (T, D, H, W), in its original dtype.

    `region` gives first and last voxel (exclusive) along z, y, x, or t, z, y, x: only tiles that it touches are
    decoded. `level` K omits the K finest levels, for a preview of the voxels at multiples of 2**K, smoothed; the region
    still counts voxels of the full volume. `model` is any argument of `find_model`; it is needed unless the model is
    embedded in the stream or a ready-made one. `allow_large` lets a stream take more memory than its size makes
    plausible (see `budget`).

    Raises:
        AiwaveError: If the stream is damaged or too large, the model is missing or the wrong one, or region or level do
            not exist.
    """
    stream = open_stream(_bytes_of(data))
    if model is not None:
        found: Model | None = find_model(model)
    else:
        found = None if stream.model else shipped_by_identity(stream.header.identity.hex())
    with allow_large_files(allow_large):
        return decode(data, region, level, found, progress)


def _bytes_of(data: object) -> bytes | memoryview:
    """A stream's bytes. Raises AiwaveError for anything else, such as the name of its file."""
    if isinstance(data, str | PathLike):
        raise AiwaveError(f"{data!r} is a name, not the bytes of a stream: give pathlib.Path(name).read_bytes().")
    try:
        return memoryview(data).cast("B")  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise AiwaveError(f"A {type(data).__name__} is not the bytes of a stream: give bytes.") from error


def info(data: bytes | memoryview) -> dict[str, Any]:
    """Description of a stream, as plain values that JSON can hold. Raises AiwaveError if it is damaged."""
    return describe(_bytes_of(data))


def find_model(model: Model | str | Path) -> Model:
    """Load a ready-made model by its name, a model file, or the codec of a run's folder or checkpoint.

    A loaded model is returned unchanged. Raises AiwaveError if the model does not exist, is damaged, or cannot write
    files.
    """
    if isinstance(model, Model):
        return model
    if not isinstance(model, str | PathLike):
        raise AiwaveError(f"A {type(model).__name__} is no model: give a name, a file, a run's folder or a checkpoint.")
    if is_name(fspath(model)):
        return shipped_model(fspath(model))
    path = user_path(fspath(model))
    if path.is_dir() or path.suffix == ".ckpt":
        from .training.stage_codec import run_model_file

        return Model.from_bytes(run_model_file(path))
    return Model.from_file(path)
