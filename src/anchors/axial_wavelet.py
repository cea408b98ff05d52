"""A wavelet transform across the slices of a volume, for codecs that transform within slices only."""

from collections.abc import Callable

import numpy as np

# Lifting steps of CDF 9/7 (Daubechies and Sweldens 1998); the low-pass band is scaled so that the transform is nearly
# orthonormal
STEPS_97 = (-1.586134342059924, -0.052980118572961, 0.882911075530934, 0.443506852043971)
SCALE_97 = 1.149604398860241


def forward_53(volume: np.ndarray, levels: int) -> np.ndarray:
    """The reversible 5/3 wavelet of integer (D, H, W) along the first axis, int32: [low, high_levels, ..., high_1]."""
    low, bands = volume.astype(np.int32), []
    for _ in range(_usable(len(low), levels)):
        even, odd = low[::2].copy(), low[1::2].copy()
        odd -= _around(even, len(odd)) >> 1
        even += (_around(odd, len(even), before=True) + 2) >> 2
        low = even
        bands.append(odd)
    return np.concatenate([low, *reversed(bands)])


def inverse_53(bands: np.ndarray, levels: int) -> np.ndarray:
    """Undo `forward_53`, exactly."""
    return _merge(bands, levels, _undo_53)


def forward_97(volume: np.ndarray, levels: int) -> np.ndarray:
    """The CDF 9/7 wavelet of (D, H, W) along the first axis, float64, in the order of `forward_53`."""
    low, bands = volume.astype(np.float64), []
    for _ in range(_usable(len(low), levels)):
        even, odd = low[::2].copy(), low[1::2].copy()
        for first, second in zip(STEPS_97[::2], STEPS_97[1::2], strict=True):
            odd += first * _around(even, len(odd))
            even += second * _around(odd, len(even), before=True)
        low = even * SCALE_97
        bands.append(odd / SCALE_97)
    return np.concatenate([low, *reversed(bands)])


def inverse_97(bands: np.ndarray, levels: int) -> np.ndarray:
    """Undo `forward_97`."""
    return _merge(bands, levels, _undo_97)


def _undo_53(even: np.ndarray, odd: np.ndarray) -> None:
    even -= (_around(odd, len(even), before=True) + 2) >> 2
    odd += _around(even, len(odd)) >> 1


def _undo_97(even: np.ndarray, odd: np.ndarray) -> None:
    even /= SCALE_97
    odd *= SCALE_97
    for first, second in zip(STEPS_97[-2::-2], STEPS_97[::-2], strict=True):
        even -= second * _around(odd, len(even), before=True)
        odd -= first * _around(even, len(odd))


def _around(samples: np.ndarray, count: int, before: bool = False) -> np.ndarray:
    """Sums of the two neighbours of `count` samples of the other parity, mirrored at the ends.

    Neighbours are the samples i and i + 1; with `before`, i - 1 and i.
    """
    index = np.arange(count)
    left, right = (index - 1, index) if before else (index, index + 1)
    last = len(samples) - 1
    return samples[np.where(left < 0, right, left)] + samples[np.where(right > last, left, right)]


def _usable(length: int, levels: int) -> int:
    """Number of levels to use: at most `levels`, and no more than leave two slices to split."""
    return min(levels, max(0, (length - 1).bit_length()))


def _merge(bands: np.ndarray, levels: int, undo: Callable[[np.ndarray, np.ndarray], None]) -> np.ndarray:
    lengths = [len(bands)]
    for _ in range(_usable(len(bands), levels)):
        lengths.append(-(-lengths[-1] // 2))
    low = bands[: lengths[-1]]
    for length in reversed(lengths[:-1]):
        even, odd = low.copy(), bands[len(low) : length].copy()
        undo(even, odd)
        low = np.empty((length, *bands.shape[1:]), bands.dtype)
        low[::2], low[1::2] = even, odd
    return low
