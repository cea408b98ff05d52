"""Signed volumes for codecs that support unsigned ones only."""

import numpy as np


def to_unsigned(voxels: np.ndarray) -> tuple[np.ndarray, int]:
    """Add a constant to signed `voxels` so that none is negative; unsigned voxels are unchanged.

    The constant is the smallest sufficient power of two (1024 for CT in Hounsfield units), or 0.

    Returns:
        Voxels of the same size, uint8 or uint16, and the constant, to be subtracted after decoding.
    """
    if voxels.dtype.kind == "u":
        return voxels, 0
    lowest = int(voxels.min())
    shift = 1 << (-lowest - 1).bit_length() if lowest < 0 else 0
    return (voxels.astype(np.int32) + shift).astype(voxels.dtype.name.replace("int", "uint")), shift


def from_unsigned(voxels: np.ndarray, shift: int, dtype: np.dtype) -> np.ndarray:
    """Undo `to_unsigned`; values that a lossy codec pushed out of the range of `dtype` are clipped."""
    limits = np.iinfo(dtype)
    return (voxels.astype(np.int32) - shift).clip(limits.min, limits.max).astype(dtype)
