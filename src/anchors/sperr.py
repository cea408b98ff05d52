"""SPERR: 3-D CDF 9/7 wavelet and SPECK set partitioning, for scientific data."""

import numpy as np

from .in_process import ImagecodecsAnchor
from .padding import cropped, padded
from .significant import rounded

LOSSLESS_TOLERANCE = 0.49  # below half a grey value, rounding restores the original


class Sperr(ImagecodecsAnchor):
    """3-D on float32, decoded values rounded. Quality: target PSNR [dB], peak = range of the volume; 0 is lossless.

    Lossless uses the mode that bounds the error of every voxel.
    """

    library = "sperr"

    def encode(self, voxels: np.ndarray, quality: float) -> bytes:
        """See `InProcessAnchor.encode`. A single slice is duplicated first, since the library aborts on it."""
        import imagecodecs

        mode = imagecodecs.SPERR.MODE
        volume = padded(voxels, (1, 1, 1), (2, 1, 1)).astype(np.float32)
        if quality < 0:
            raise self.refuse(quality, "0 or more")
        if quality == 0:
            return bytes(imagecodecs.sperr_encode(volume, LOSSLESS_TOLERANCE, mode.PWE, numthreads=1))
        return bytes(imagecodecs.sperr_encode(volume, quality, mode.PSNR, numthreads=1))

    def decode(self, stream: bytes, shape: tuple[int, int, int], dtype: np.dtype, bits: int) -> np.ndarray:
        """See `InProcessAnchor.decode`."""
        import imagecodecs

        return cropped(rounded(imagecodecs.sperr_decode(stream, numthreads=1), dtype), shape)
