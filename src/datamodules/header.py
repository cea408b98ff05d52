"""What a file says about its voxels before they are read."""

from dataclasses import dataclass

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
