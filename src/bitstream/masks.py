"""Masks of lossy files: voxels that come back exactly, and what is coded in their place.

A mask is 0 for voxels that are coded; 1, 2 and 3 stand for NaN, infinity and minus infinity, 4 and more for padding:
values that fill large regions, as outside a scanner's field of view or a brain whose skull was removed.
"""

import numpy as np

SPECIAL = (np.nan, np.inf, -np.inf)
"""Values 1, 2 and 3 of masks of floats."""

FIRST = len(SPECIAL) + 1
"""Value of masks for the first padding value."""

MOST_PADDINGS = 4
SHARE = 0.02
"""Least share of voxels at a padding value."""

MOST_UNLIKE, SPECKLES = 3, 0.03
"""Most neighbours of 6 that are unlike a voxel at the edge of a region, and the share of others up to which it is one.

Measured, as a share of the voxels at the value: at most 0.001 for padding of CT and brains without skulls, at least
0.09 where scanners cut off noise.
"""

SAMPLED = 1 << 20
"""Voxels that are looked at for frequent values."""

COSTLY, MOST_FOR_PADDING = 0.01, 1.05
"""Share of a file from which on a mask is tried against none, and the size, relative to that, up to which it stays."""

PASSES = 2
"""Smoothing of what replaces masked voxels, on each scale."""


def find_mask(voxels: np.ndarray, padding: bool) -> tuple[np.ndarray | None, np.ndarray]:
    """The mask of a series (T, D, H, W), uint8, and the padding values that it stands for, in the type of the voxels.

    The mask is None where nothing is to be masked. Without `padding` there is none.
    """
    mask, paddings = np.zeros(voxels.shape, np.uint8), np.empty(0, voxels.dtype)
    if voxels.dtype.kind == "f":
        mask[np.isnan(voxels)] = 1
        mask[voxels == np.inf], mask[voxels == -np.inf] = 2, 3
    if mask.all():
        return None, paddings
    if padding:
        paddings = _padding_values(voxels)
        for k, value in enumerate(paddings, start=FIRST):
            mask[voxels == value] = k
        if len(paddings) and not _is_textured(voxels, mask == 0):
            mask[mask >= FIRST], paddings = 0, paddings[:0]
    return mask if mask.any() else None, paddings


def _padding_values(voxels: np.ndarray) -> np.ndarray:
    """Values that fill large regions, the most frequent first."""
    sample = voxels.reshape(-1)[:: (voxels.size // SAMPLED) | 1]
    sample = sample[np.isfinite(sample)] if voxels.dtype.kind == "f" else sample
    values, counts = np.unique(sample, return_counts=True)
    frequent = values[np.argsort(-counts, kind="stable")[:MOST_PADDINGS]]
    return np.array([value for value in frequent if _is_padding(voxels == value)], voxels.dtype)


def _is_padding(there: np.ndarray) -> bool:
    """True if the places of a value (T, D, H, W) are many, and form regions with hardly a speckle inside or outside."""
    count = int(there.sum())
    if count < SHARE * there.size:
        return False
    unlike = np.zeros(there.shape, np.uint8)
    for axis in range(1, there.ndim):
        low, high = _neighbours(axis)
        differs = there[low] != there[high]
        unlike[low] += differs
        unlike[high] += differs
    return int((unlike > MOST_UNLIKE).sum()) <= SPECKLES * count


def _is_textured(voxels: np.ndarray, known: np.ndarray) -> bool:
    """True if most of the known voxels differ from the next along x, unlike those of labels."""
    low, high = _neighbours(3)
    pairs = known[low] & known[high]
    return 2 * int((pairs & (voxels[low] != voxels[high])).sum()) > int(pairs.sum())


def _neighbours(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Slices of a series that lay every voxel but the outermost along an axis beside the next."""
    low, high = [slice(None)] * 4, [slice(None)] * 4
    low[axis], high[axis] = slice(None, -1), slice(1, None)
    return tuple(low), tuple(high)


def unmask(voxels: np.ndarray, mask: np.ndarray, paddings: np.ndarray) -> None:
    """Give masked voxels their values, in place."""
    if voxels.dtype.kind == "f":
        for k, value in enumerate(SPECIAL, start=1):
            voxels[mask == k] = value
    for k, value in enumerate(paddings, start=FIRST):
        voxels[mask == k] = value


def filled(numbers: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The numbers (T, D, H, W), float32, with masked ones replaced by a smooth continuation of those around."""
    return np.stack([_fill(frame, part == 0) for frame, part in zip(numbers, mask, strict=True)])


def _fill(frame: np.ndarray, known: np.ndarray) -> np.ndarray:
    """A frame (D, H, W), where it is not known filled by what it is on coarser scales, smoothed."""
    values = np.where(known, frame, 0).astype(np.float32)
    if known.all() or not known.any():
        return values
    count = _halved(known.astype(np.float32))
    half = _halved(values) / np.maximum(count, 1)
    guess = _doubled(_fill(half, count > 0), values.shape)
    for _ in range(PASSES):
        guess = np.where(known, values, guess)
        for axis in range(3):
            guess = _smoothed(guess, axis)
    return np.where(known, values, guess)


def _halved(values: np.ndarray) -> np.ndarray:
    """Sums of pairs along every axis; the last of an odd number by itself."""
    for axis in range(3):
        values = np.add.reduceat(values, np.arange(0, values.shape[axis], 2), axis)
    return values


def _doubled(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    for axis, size in enumerate(shape):
        values = np.repeat(values, 2, axis).take(np.arange(size), axis)
    return values


def _smoothed(values: np.ndarray, axis: int) -> np.ndarray:
    """Means of three along an axis, the outermost repeated."""
    last = values.shape[axis] - 1
    at = np.arange(last + 1)
    around = values.take(np.maximum(at - 1, 0), axis) + values.take(np.minimum(at + 1, last), axis)
    return (around + values) / 3
