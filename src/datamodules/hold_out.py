"""Voxels held out of training for validation."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .volume import Volume

MINIMUM_CROPS = 3


def hold_out(volumes: Sequence[Volume], crop: Sequence[int]) -> tuple[list[Volume], list[Volume]]:
    """Split `volumes` into training and validation volumes.

    The end of the last volume along its longest axis, as thick as `crop` (d, h, w) there, is held out for validation
    if that axis is at least three crops long. Otherwise both sets are all volumes.
    """
    *others, last = volumes
    axis = int(np.argmax(last.shape))
    cut = last.shape[axis] - crop[axis]
    if last.shape[axis] < MINIMUM_CROPS * crop[axis]:
        return list(volumes), list(volumes)
    kept, held = np.split(last.voxels, [cut], axis=axis)
    return [*others, replace(last, voxels=kept)], [replace(last, voxels=held)]
