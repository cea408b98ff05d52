"""Conversion of voxels of any type to unsigned integers of 8 or 16 bits, exact or refused."""

from dataclasses import dataclass

import numpy as np

from ..errors import AiwaveError
from .image import not_finite

LARGEST = 65535


@dataclass(frozen=True, eq=False)
class Stored:
    """`voxels` are uint8 or uint16; the originals are voxels + `offset`.

    `rounding` is the largest distance between an original with a fraction and the integer it was rounded to.
    """

    voxels: np.ndarray
    offset: int
    rounding: float


def to_stored(name: str, voxels: np.ndarray, offset: int | None, allow_float: bool) -> Stored:
    """Subtract an offset from `voxels`, of the image `name`, and make them uint8 (from 8 bits) or uint16.

    The offset is `offset`, or the minimum if that is lower; for None it is the minimum if that is negative, or if the
    voxels would not fit into 16 bits otherwise, else 0.

    Raises:
        AiwaveError: For voxels that are not finite, not integers (unless `allow_float`), or span more than 16 bits.
    """
    if voxels.dtype.kind not in "uif":
        raise AiwaveError(f"{name} holds {voxels.dtype} voxels: save it with integers.")
    rounding = 0.0
    width = voxels.dtype.itemsize
    if voxels.dtype.kind == "f":
        voxels, rounding = _integers(name, voxels, allow_float)
        width = 2
    low, high = int(voxels.min()), int(voxels.max())
    if offset is None:
        offset = low if low < 0 or high > LARGEST else 0
    offset = min(offset, low)
    if high - offset > LARGEST:
        raise AiwaveError(
            f"{name} has values from {low} to {high}, which with the offset {offset} need more than 16 bits: "
            "save it with 16 bits, or set source.offset=null."
        )
    dtype = np.dtype(np.uint8 if width == 1 and high - offset <= 255 else np.uint16)
    if offset == 0:
        return Stored(voxels.astype(dtype), 0, rounding)
    if voxels.dtype == np.uint64 and offset > 0:  # not all of its values are int64
        return Stored((voxels - np.uint64(offset)).astype(dtype), offset, rounding)
    return Stored((voxels.astype(np.int64) - offset).astype(dtype), offset, rounding)


def _integers(name: str, voxels: np.ndarray, allow_float: bool) -> tuple[np.ndarray, float]:
    """Floats rounded to int64, and the largest rounding error."""
    if not np.isfinite(voxels).all():
        raise not_finite(name)
    if float(np.abs(voxels).max()) >= 2.0**53:
        raise AiwaveError(f"{name} has floats beyond the range of 16 bits: save it with integers.")
    nearest = np.rint(voxels)
    rounding = float(np.abs(voxels - nearest).max())
    if rounding and not allow_float:
        raise AiwaveError(
            f"{name} holds {voxels.dtype} voxels with fractions: convert it to integers, or set "
            "source.allow_float=true to have them rounded."
        )
    return nearest.astype(np.int64), rounding
