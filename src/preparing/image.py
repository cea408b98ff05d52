"""A raw image in memory: voxels as stored, and where they lie in space."""

from dataclasses import dataclass, replace

import numpy as np

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True, eq=False)
class Image:
    """One volume, or a series of them that share their geometry.

    `voxels` are (D, H, W) or (T, D, H, W), of any numeric type, as stored: no rescaling is applied. `spacing` is
    (z, y, x) and `origin` (x, y, z) in mm; `direction` has 9 numbers row by row, as in ITK. The physical value of a
    voxel is `slope` * voxel + `intercept`. `modality` is what DICOM calls it, such as CT or MR, if that is known.
    """

    voxels: np.ndarray
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    direction: tuple[float, ...] = IDENTITY
    slope: float = 1.0
    intercept: float = 0.0
    modality: str = ""

    def frames(self) -> list["Image"]:
        """The volumes of a series, each (D, H, W), in order; a volume is its own only frame."""
        return [self] if self.voxels.ndim == 3 else [replace(self, voxels=frame) for frame in self.voxels]

    def position(self, index: tuple[int, int, int]) -> tuple[float, float, float]:
        """Where the voxel at `index` (z, y, x) lies: (x, y, z) in mm."""
        steps = np.multiply(index, self.spacing)[::-1]
        x, y, z = np.asarray(self.origin) + np.reshape(self.direction, (3, 3)) @ steps
        return float(x), float(y), float(z)
