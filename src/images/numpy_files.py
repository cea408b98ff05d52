"""NumPy arrays in .npy files and streams; objects are never unpickled."""

from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..errors import AiwaveError
from .image import Image, check_dimensions, check_single_channel, native, unreadable

SUFFIXES = (".npy",)


def takes(path: Path) -> bool:
    """Tell whether `path` is a .npy file, by its name."""
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


def read(path: Path) -> list[Image]:
    """Read an array (D, H, W) or (T, D, H, W).

    Raises AiwaveError, naming the file, if it is damaged, holds objects, colours, or other axes.
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
    """Read the array of standard input, in a stream that can seek. Raises AiwaveError if it is none."""
    sentence = "Standard input is no NumPy array: send what numpy.save writes."
    try:
        voxels = np.load(stream, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise AiwaveError(sentence) from error
    if not isinstance(voxels, np.ndarray):
        raise AiwaveError(sentence)
    return Image(voxels)


def write(image: Image, path: Path) -> None:
    """Write the voxels alone."""
    with path.open("wb") as file:
        np.save(file, image.voxels)
