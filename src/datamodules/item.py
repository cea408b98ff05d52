"""A training volume as known before it is read."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from .volume import Volume


@dataclass(frozen=True, eq=False)
class Item:
    """A volume, in memory or in a file, with facts about its voxels.

    `image` holds the (D, H, W) voxels or the path of their file; `shape` is (D, H, W), `lowest` and `highest` are the
    extremes of the voxels. `version` changes whenever the content of the file does. Crops are cut from the volume in
    proportion to its number of voxels times `weight`.
    """

    file: str
    image: Tensor | Path
    shape: tuple[int, int, int]
    dtype: np.dtype
    lowest: int
    highest: int
    version: str = field(default="")
    weight: float = field(default=1.0)

    @classmethod
    def of(cls, volume: Volume) -> Self:
        """The item of a volume in memory; shares its voxels."""
        voxels = volume.voxels
        extremes = int(voxels.min()), int(voxels.max())
        return cls(volume.file, torch.from_numpy(voxels), volume.shape, voxels.dtype, *extremes)

    @property
    def magnitude(self) -> int:
        """The largest |voxel|."""
        return max(self.highest, -self.lowest)
