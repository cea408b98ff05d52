"""Volumes: integer voxels with the names of their data set and file, loaded one by one."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..images.image_files import read_voxels


@dataclass(frozen=True, eq=False)
class Volume:
    """One three-dimensional image.

    `dataset` names the set it belongs to and `file` the file it came from (base name; frame t of a series is
    `name.nii.gz#t`). `voxels` holds (D, H, W) = (z, y, x) stored values: uint8, int8, uint16 or int16.
    """

    dataset: str
    file: str
    voxels: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        """(D, H, W), in voxels."""
        depth, height, width = self.voxels.shape
        return depth, height, width


def frames(dataset: str, file: str, voxels: np.ndarray) -> Iterator[Volume]:
    """Yield the volumes of one file: itself for (D, H, W) `voxels`, each frame in turn for (T, D, H, W)."""
    if voxels.ndim == 3:
        yield Volume(dataset, file, voxels)
        return
    for t, frame in enumerate(voxels):
        yield Volume(dataset, f"{file}#{t}", frame)


def load_volumes(path: Path, dataset: str) -> Iterator[Volume]:
    """Yield the volumes stored in the file at `path`: one, or each frame of a series; the file is read once.

    Raises AiwaveError, naming the file, as `read_voxels` does.
    """
    yield from frames(dataset, path.name, read_voxels(path))
