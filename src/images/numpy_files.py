"""NumPy arrays in .npy files and streams; objects are never unpickled."""

from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..errors import AiwaveError
from .image import Image, check_dimensions, check_single_channel, native, unreadable

SUFFIXES = (".npy",)


def takes(path: Path) -> bool:
    """True if `path` is a .npy file, by its name."""
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


def read(path: Path) -> list[Image]:
    """Read an array (D, H, W) or (T, D, H, W).

    Raises AiwaveError, naming the file, if it is damaged, holds objects or colours, or has other axes.
    """
    try:
        voxels = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise unreadable(str(path), str(error).rstrip(".")) from error
    if not isinstance(voxels, np.ndarray):
        raise AiwaveError(f"{path} is an archive of arrays: save one of them with numpy.save.")
    check_dimensions(str(path), voxels.shape)
    if voxels.ndim == 4 and voxels.shape[-1] in (3, 4):
        check_single_channel(str(path), voxels.shape[-1])
    return [Image(native(voxels))]


def read_stream(stream: BinaryIO) -> Image:
    """Read an array from standard input, as a seekable stream. Raises AiwaveError if it is not an array."""
    sentence = "Standard input is not a NumPy array: send the output of numpy.save."
    try:
        voxels = np.load(stream, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise AiwaveError(sentence) from error
    if not isinstance(voxels, np.ndarray):
        raise AiwaveError(sentence)
    return Image(voxels)


def write(image: Image, path: Path) -> None:
    """Write the voxels, without geometry."""
    with path.open("wb") as file:
        np.save(file, image.voxels)
