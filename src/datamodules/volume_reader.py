"""What the MONAI readers of volume files have in common."""

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from monai.config.type_definitions import PathLike
from monai.data.image_reader import ImageReader
from monai.utils.misc import ensure_tuple


class VolumeReader(ImageReader):
    """A MONAI reader of the files that end in one of `suffixes`, by way of `voxels`.

    Gives the stored values, exactly, as a (D, H, W) or, for a series, (T, D, H, W) integer array.
    Raises AiwaveError, naming the file, when it is damaged or not such an array.
    """

    suffixes: ClassVar[tuple[str, ...]]

    @abstractmethod
    def voxels(self, path: Path) -> np.ndarray:
        """Read and check the voxels of one file."""

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        """Tell whether every name ends in a suffix this reader takes."""
        return all(str(name).lower().endswith(self.suffixes) for name in ensure_tuple(filename))

    def read(self, data: Sequence[PathLike] | PathLike, **kwargs: Any) -> np.ndarray:
        """Return the voxels of the file."""
        return self.voxels(Path(ensure_tuple(data)[0]))

    def get_data(self, img: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        """Return the voxels and, as metadata, the dtype they are stored in."""
        return img, {"stored_dtype": img.dtype.name}
