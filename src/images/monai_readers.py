"""Volume files for MONAI's `LoadImaged`; no other file of this package imports MONAI."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from monai.config.type_definitions import PathLike
from monai.data.image_reader import ImageReader
from monai.transforms.io.dictionary import LoadImaged
from monai.utils.misc import ensure_tuple

from .image_files import VOLUME_SUFFIXES, read_voxels


class VolumeReader(ImageReader):
    """MONAI reader of the exact stored values, as a (D, H, W) or, for a series, (T, D, H, W) integer array.

    Raises AiwaveError, naming the file, as `read_voxels` does.
    """

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        """True if every name ends in a suffix of volume files."""
        return all(str(name).lower().endswith(VOLUME_SUFFIXES) for name in ensure_tuple(filename))

    def read(self, data: Sequence[PathLike] | PathLike, **kwargs: Any) -> np.ndarray:
        """Return the voxels of the file."""
        return read_voxels(Path(ensure_tuple(data)[0]))

    def get_data(self, img: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        """Return the voxels and, as metadata, the dtype they are stored in."""
        return img, {"stored_dtype": img.dtype.name}


@cache
def volume_loader() -> LoadImaged:
    """MONAI's loader of {"image": path}; a reader chosen by suffix, as here, passes its own error to the caller."""
    loader = LoadImaged(keys="image", dtype=None)
    loader.register(VolumeReader())
    return loader
