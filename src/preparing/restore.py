"""Putting back what was taken from prepared files: original values, places and geometry."""

from collections.abc import Iterable

import numpy as np

from ..datamodules.manifest import Entry
from ..images.exact import to_original
from ..images.image import Image
from .box import Box


def restore_crop(entry: Entry, stored: np.ndarray) -> Image:
    """Return a crop with its original values, int64 (D, H, W), and its geometry, slope and intercept."""
    voxels = to_original(stored, entry.offset)
    return Image(voxels, entry.spacing, entry.origin, entry.direction, entry.slope, entry.intercept)


def restore_volumes(crops: Iterable[tuple[Entry, np.ndarray]]) -> dict[int, Image]:
    """Return the volumes of one subject, by frame, from its crops (D, H, W).

    A volume has the original values, as an int64 array up to the last voxel of its crops, with 0 where none is; origin
    and the rest are those of the whole volume.
    """
    frames: dict[int, list[tuple[Box, Image]]] = {}
    for entry, stored in crops:
        time, _, box = entry.box.rpartition(";")
        frames.setdefault(int(time or 0), []).append((Box.parse(box), restore_crop(entry, stored)))
    return {time: _stitched(parts) for time, parts in sorted(frames.items())}


def _stitched(parts: list[tuple[Box, Image]]) -> Image:
    voxels = np.zeros(np.max([box.stop for box, _ in parts], axis=0), np.int64)
    for box, image in parts:
        voxels[box.slices] = image.voxels
    box, first = min(parts, key=lambda part: part[0].start)
    z, y, x = (-side for side in box.start)
    return Image(voxels, first.spacing, first.position((z, y, x)), first.direction, first.slope, first.intercept)
