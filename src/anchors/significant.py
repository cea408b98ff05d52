"""Number of significant bits of a volume's voxels."""

import numpy as np


def significant_bits(voxels: np.ndarray) -> int:
    """The number of bits of the largest of unsigned `voxels`: 8 for uint8, 8 to 16 for uint16."""
    return 8 if voxels.dtype.itemsize == 1 else max(8, int(voxels.max()).bit_length())


def rounded(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Real `values` rounded to the nearest integer and clipped to the range of `dtype`."""
    limits = np.iinfo(dtype)
    return np.rint(values).clip(limits.min, limits.max).astype(dtype)
