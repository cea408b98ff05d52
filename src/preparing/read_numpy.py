"""NumPy files as raw images."""

from pathlib import Path

import numpy as np

from .image import Image


def takes(path: Path) -> bool:
    """Tell whether `path` is a .npy file, by its name."""
    return path.is_file() and path.name.lower().endswith(".npy")


def read(path: Path) -> list[Image]:
    """Read an array (D, H, W) or (T, D, H, W); objects are never unpickled.

    Raises AiwaveError, naming the file, if it is damaged, holds objects, colours, or other axes.
    """
    from ..datamodules.stored import check_dimensions, check_single_channel, unreadable

    try:
        voxels = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise unreadable(str(path), str(error).rstrip(".")) from error
    check_dimensions(str(path), voxels.shape)
    if voxels.ndim == 4 and voxels.shape[-1] in (3, 4):
        check_single_channel(str(path), voxels.shape[-1])
    return [Image(voxels.astype(voxels.dtype.newbyteorder("="), copy=False))]
