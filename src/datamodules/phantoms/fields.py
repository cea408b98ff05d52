"""Smooth random fields, the building blocks of phantoms."""

import numpy as np
from scipy.ndimage import gaussian_filter


def random_field(shape: tuple[int, ...], width: float, rng: np.random.Generator) -> np.ndarray:
    """Return a float32 Gaussian field (D, H, W), zero mean, unit variance, smooth over `width` voxels.

    A wide field is generated on a coarse grid and interpolated, which is much faster and looks the same.
    """
    step = max(1, int(width / 2))
    coarse = tuple(size // step + 3 for size in shape) if step > 1 else shape
    field = gaussian_filter(rng.standard_normal(coarse, dtype=np.float32), width / step, mode="wrap")
    field = (field - field.mean()) / field.std()
    for axis in range(field.ndim) if step > 1 else ():
        field = _stretch(field, axis, shape[axis], step)
    return field


def grid(shape: tuple[int, ...]) -> list[np.ndarray]:
    """Return open float32 coordinate arrays, one per axis, that broadcast to `shape`."""
    return list(np.ogrid[tuple(slice(0, float(size)) for size in shape)])


def smooth_step(distance: np.ndarray, width: float = 1.0) -> np.ndarray:
    """Return 0 where a signed `distance` in voxels is below -width, 1 above width, and a ramp between."""
    ramp = np.clip(distance / (2 * width) + 0.5, 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def _stretch(field: np.ndarray, axis: int, size: int, step: int) -> np.ndarray:
    """Interpolate linearly along `axis` to `size` samples, `step` per coarse sample."""
    place = np.arange(size, dtype=np.float32) / step
    low = place.astype(int)
    weight = (place - low).reshape([-1 if a == axis else 1 for a in range(field.ndim)]).astype(np.float32)
    return field.take(low, axis) * (1 - weight) + field.take(low + 1, axis) * weight
