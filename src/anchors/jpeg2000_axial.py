"""Axial wavelet across slices, then JPEG 2000 within them: an open stand-in for JPEG 2000 Part 2."""

from typing import Any

import numpy as np

from .axial_wavelet import forward_53, forward_97, inverse_53, inverse_97
from .in_process import ImagecodecsAnchor
from .significant import rounded, significant_bits

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
