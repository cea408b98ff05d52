"""Spacing and direction of an image, from the steps between voxels that a file declares."""

from collections.abc import Sequence

import numpy as np

from .image import IDENTITY

Placement = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, ...]]
"""Spacing, origin and direction, as fields of an image."""

UNIT = 1e-6  # tolerance of the length of a direction


def sound_length(value: float | None) -> float:
    """The magnitude of a voxel's length; 1 if it is zero, not finite or unknown."""
    return abs(float(value)) if value is not None and np.isfinite(value) and value else 1.0


def spacing_and_direction(
    directions: np.ndarray, lengths: Sequence[float]
) -> tuple[tuple[float, float, float], tuple[float, ...]]:
    """Spacing (z, y, x), positive, and direction, with columns of unit length, of an image.

    The step to the next voxel along x, y or z is a column of `directions` (3, 3) times its entry in `lengths`. Columns
    need not be orthogonal. A negative length reverses its column. Lengths that are zero or not finite become 1, such
    columns those of the identity, which also replaces directions that span no volume.
    """
    matrix, spacing = np.array(directions, float), []
    for axis, length in enumerate(lengths):
        with np.errstate(over="ignore"):
            norm = float(np.linalg.norm(matrix[:, axis]))
        if not np.isfinite(norm) or norm == 0:
            matrix[:, axis], norm = np.eye(3)[axis], 1.0
        if abs(norm - 1) < UNIT:
            norm = 1.0  # keeps the digits of the file
        matrix[:, axis] /= -norm if length < 0 else norm
        spacing.append(sound_length(norm * length))
    x, y, z = spacing
    flat = abs(np.linalg.det(matrix)) < UNIT
    return (z, y, x), IDENTITY if flat else tuple(float(value) + 0.0 for value in matrix.flat)
