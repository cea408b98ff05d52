"""Volumes within a largest error: voxels moved to a grid of levels, whose ranks are cheap to code exactly.

With a lossy model, and from an error of 2, voxels are coded lossily, and corrected where they are off by more than the
error less 1: lossy decoders may differ by one grey level from the encoder's.
"""

import struct
from numbers import Real

import numpy as np

from ..errors import AiwaveError
from ..images.image import peak_of
from .header import NARROW
from .values import pack_values, values_to_bytes
from .voxel_types import Source, base_of

ERROR = struct.Struct("<I")
"""The section of values of a corrected stream."""

STEP = 3.0
"""The step of lossy coding, as a multiple of the error; files are nearly as small from 2 to 4."""


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
    _check(volume)
    voxels = volume.reshape(-1, *volume.shape[-3:])
    ranks, levels = to_ranks(voxels, error)
    moved = levels.astype(volume.dtype)[ranks]
    if largest_difference(voxels, moved) > error:
        raise AssertionError("a level is further from its voxel than the largest error")
    packed = pack_values(ranks)
    table = levels if packed is None else levels[packed]
    return Source(
        moved, volume.ndim == 4, volume.dtype, peak_of(volume.dtype), table=table, values=values_to_bytes(table)
    )


def prepare_corrected(volume: np.ndarray, error: int) -> Source:
    """A checked volume for lossy coding with corrections. Raises AiwaveError for other voxels, and an error of 1."""
    _check(volume)
    if error < 2:
        raise AiwaveError("A lossy model keeps errors from 2 on: take a lossless model for 1, or none.")
    voxels, error = volume.reshape(-1, *volume.shape[-3:]), min(error, int(np.iinfo(volume.dtype).max))
    peak, offset = peak_of(volume.dtype), base_of(voxels)
    return Source(voxels, volume.ndim == 4, volume.dtype, peak, offset, values=ERROR.pack(error), error=error)


def corrections(numbers: np.ndarray, decoded: np.ndarray, error: int) -> np.ndarray:
    """Corrections, in units of 2 `error` - 1, that move decoded numbers to at most `error` - 1 from those coded.

    0, -1, 1, -2, ... are 0, 1, 2, 3, ... int32.
    """
    unit = 2 * error - 1
    off = numbers.astype(np.int64) - decoded.astype(np.int64)
    count = (off + error - 1) // unit
    if largest_difference(off, count * unit) >= error:
        raise AssertionError("a correction leaves a voxel off by more than the largest error less 1")
    return np.where(count < 0, -2 * count - 1, 2 * count).astype(np.int32)


def corrected(voxels: np.ndarray, coded: np.ndarray, error: int) -> np.ndarray:
    """Decoded voxels moved by `corrections`, int64: beyond the type perhaps."""
    count = np.where(coded % 2, -(coded // 2) - 1, coded // 2).astype(np.int64)
    return voxels + count * (2 * error - 1)


def _check(volume: np.ndarray) -> None:
    if volume.dtype not in NARROW:
        raise AiwaveError(
            f"The volume holds {volume.dtype} voxels, but a largest error is kept for 8- and 16-bit integers only: "
            "give a step, PSNR or rate, or convert them."
        )


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
