"""JPEG 2000 after a wavelet along z."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...models.transform.wavelets import Wavelet
from .anchor import rounded, significant_bits
from .slice_codecs import ImagecodecsAnchor

STEPS_97, SCALE_97 = Wavelet.CDF97.lifting[:2]
"""Lifting steps, and the gain of the low half."""


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


FRACTION = 4  # lossy coefficients are kept to a quarter of a grey value

LEAST_BITS = 17  # with fewer, the library takes 32-bit components for empty


class Jpeg2000Axial(ImagecodecsAnchor):
    """All transformed slices as components of one OpenJPEG code stream, which allocates the rate among them.

    Quality: target PSNR [dB], peak = 2^(significant bits) - 1; 0 is lossless. Lossless is reversible 5/3 along all
    axes, lossy 9/7. `settings.levels` is the number of axial levels.
    """

    library = "openjpeg"

    def encode(self, voxels: np.ndarray, quality: float) -> bytes:
        """See `InProcessAnchor.encode`."""
        levels = self.settings["levels"]
        if quality < 0:
            raise self.refuse(quality, "0 or more")
        if quality == 0:
            return b"\0" + _encode(forward_53(voxels, levels), 0, None)
        coefficients = np.rint(FRACTION * forward_97(voxels, levels)).astype(np.int32)
        peak = FRACTION * (2.0 ** significant_bits(voxels) - 1)
        bits = max(LEAST_BITS, int(np.abs(coefficients).max()).bit_length() + 1)
        target = quality + 20 * np.log10((2.0**bits - 1) / peak)  # the library's peak is that of the coefficients
        return b"\1" + _encode(coefficients, float(target), bits)

    def decode(self, stream: bytes, shape: tuple[int, int, int], dtype: np.dtype, bits: int) -> np.ndarray:
        """See `InProcessAnchor.decode`."""
        import imagecodecs

        levels = self.settings["levels"]
        bands = np.asarray(imagecodecs.jpeg2k_decode(stream[1:], planar=True, numthreads=1)).reshape(shape)
        if stream[0] == 0:
            return rounded(inverse_53(bands, levels), dtype)
        return rounded(inverse_97(bands / FRACTION, levels), dtype)


def _encode(bands: np.ndarray, level: Any, bits: int | None) -> bytes:
    import imagecodecs

    return bytes(
        imagecodecs.jpeg2k_encode(
            bands,
            level=level,
            codecformat="j2k",
            planar=True,
            mct=False,
            reversible=not level,
            bitspersample=bits,
            numthreads=1,
        )
    )
