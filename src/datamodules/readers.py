"""The MONAI readers of volume files, and the loading of a file into volumes."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
from monai.transforms.io.dictionary import LoadImaged

from .header import Header
from .itk_reader import SUFFIXES as ITK_SUFFIXES
from .itk_reader import SimpleITKReader, itk_header
from .tiff_reader import SUFFIXES as TIFF_SUFFIXES
from .tiff_reader import TiffReader, tiff_header
from .volume import Volume, frames

__all__ = ["SUFFIXES", "SimpleITKReader", "TiffReader", "load_volumes", "read_header"]

SUFFIXES = ITK_SUFFIXES + TIFF_SUFFIXES


def load_volumes(path: Path, dataset: str) -> Iterator[Volume]:
    """Yield the volumes stored in the file at `path`: one, or each frame of a series; the file is read once.

    Voxels are (D, H, W) integers, as stored. Raises AiwaveError, naming the file, when it is damaged, holds
    floats or other types, colours, or not three or four axes.
    """
    image = volume_loader()({"image": path})["image"]
    voxels = np.asarray(image.numpy(), dtype=image.meta["stored_dtype"])
    yield from frames(dataset, path.name, voxels)


def read_header(path: Path) -> Header:
    """Return shape and dtype of the array in the file at `path`, without reading its voxels.

    Raises AiwaveError, naming the file, when it cannot be read or is a colour image.
    """
    if path.name.lower().endswith(TIFF_SUFFIXES):
        return tiff_header(path)
    return itk_header(path)


@cache
def volume_loader() -> LoadImaged:
    """MONAI's loader, choosing a reader by suffix: so chosen, a reader's own error reaches the caller."""
    loader = LoadImaged(keys="image", dtype=None)
    loader.register(SimpleITKReader())
    loader.register(TiffReader())
    return loader
