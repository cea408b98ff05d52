"""Volumes within a largest error: voxels moved to a grid of levels, whose ranks are cheap to code exactly."""

from numbers import Real

import numpy as np

from ..errors import AiwaveError
from .header import NARROW
from .values import pack_values, values_to_bytes
from .voxel_types import Source


def whole_error(error: float) -> int:
    """The largest error as an integer. Raises AiwaveError unless it is a whole number of grey levels, 1 or more."""
    is_number = isinstance(error, Real) and not isinstance(error, bool | np.bool_)
    if not is_number or not (error >= 1 and float(error).is_integer()):
        raise AiwaveError(f"The largest error cannot be {error}: give a whole number of grey levels, at least 1.")
    return int(error)


def prepare_bounded(volume: np.ndarray, error: int) -> Source:
    """Move the voxels of a checked volume to levels at most `error` away, whose ranks are to be coded losslessly.

    Raises AiwaveError for other voxels than 8- and 16-bit integers.
    """
    if volume.dtype not in NARROW:
        raise AiwaveError(
            f"The volume holds {volume.dtype} voxels, but a largest error is kept for 8- and 16-bit integers only: "
            "give a step, PSNR or rate, or convert them."
        )
    voxels = volume.reshape(-1, *volume.shape[-3:])
    ranks, levels = to_ranks(voxels, error)
    moved = levels.astype(volume.dtype)[ranks]
    if largest_difference(voxels, moved) > error:
        raise AssertionError("a level is further from its voxel than the largest error")
    packed = pack_values(ranks)
    table = levels if packed is None else levels[packed]
    peak = 255.0 if volume.itemsize == 1 else 65535.0
    return Source(moved, volume.ndim == 4, volume.dtype, peak, table=table, values=values_to_bytes(table))


def to_ranks(volume: np.ndarray, error: int) -> tuple[np.ndarray, np.ndarray]:
    """The rank of the level nearest to each voxel, uint16 or uint32, and the levels in rising order, int64.

    Levels are 2 `error` + 1 apart, from the lowest that is used to the highest. The most frequent value, as a rule the
    background, is one of them. The outermost are moved into the range of the volume: that brings them nearer to all
    voxels that they stand for.
    """
    values, counts = np.unique(volume, return_counts=True)
    low, high = int(values[0]), int(values[-1])
    centre, error = int(values[counts.argmax()]), min(error, high - low)
    step = 2 * error + 1
    first, last = (centre + (end - centre + error) // step * step for end in (low, high))
    levels = np.arange(first, last + 1, step, dtype=np.int64).clip(low, high)
    ranks = np.empty(volume.shape, np.uint16 if len(levels) <= 1 << 16 else np.uint32)
    for voxels, target in zip(_sections(volume), _sections(ranks), strict=True):
        target[:] = (voxels.astype(np.int64) + (error - first)) // step
    return ranks, levels


def largest_difference(a: np.ndarray, b: np.ndarray) -> int:
    """The largest difference between voxels of two volumes of integers."""
    pairs = zip(_sections(a), _sections(b), strict=True)
    return max(int(np.abs(x.astype(np.int64) - y.astype(np.int64)).max()) for x, y in pairs)


def _sections(volume: np.ndarray) -> list[np.ndarray]:
    """Views (H, W) of all sections, for work that needs wide numbers in little memory."""
    return [volume[place] for place in np.ndindex(volume.shape[:-2])]
