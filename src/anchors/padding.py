"""Padding of volumes to sizes that a codec accepts."""

from collections.abc import Sequence

import numpy as np


def padded(voxels: np.ndarray, multiple: Sequence[int], least: Sequence[int]) -> np.ndarray:
    """Repeat the last voxels of each axis of (D, H, W) until its size is a multiple and no less than `least`."""
    sizes = [max(size, low) for size, low in zip(voxels.shape, least, strict=True)]
    after = [(0, size - old + -size % m) for old, size, m in zip(voxels.shape, sizes, multiple, strict=True)]
    return np.pad(voxels, after, mode="edge") if any(sum(pair) for pair in after) else voxels


def cropped(voxels: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """The first `shape` voxels of (D, H, W)."""
    depth, height, width = shape
    return voxels[:depth, :height, :width]
