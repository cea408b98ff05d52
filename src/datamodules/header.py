"""What a file says about its voxels before they are read."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Header:
    """Shape, (D, H, W) or (T, D, H, W), and dtype of the array stored in a file."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def volume_shape(self) -> tuple[int, ...]:
        """(D, H, W) of the volume, or of each volume of the series."""
        return self.shape[-3:]


def read_header(path: Path) -> Header:
    """Return shape and dtype of the array in the file at `path`, without reading its voxels.

    Raises AiwaveError, naming the file, when it cannot be read or is a colour image.
    """
    if path.name.lower().endswith((".tif", ".tiff")):
        from .tiff_reader import tiff_header

        return tiff_header(path)
    from .itk_reader import itk_header

    return itk_header(path)
