"""SZ3: error-bounded prediction and quantisation of floating-point arrays."""

import numpy as np

from .in_process import ImagecodecsAnchor
from .significant import rounded, significant_bits

LOSSLESS_BOUND = 0.49  # below half a grey value, rounding restores the original


class Sz3(ImagecodecsAnchor):
    """3-D on float32, decoded values rounded. Quality: largest error [% of 2^(significant bits)]; 0 is lossless."""

    library = "sz3"

    def encode(self, voxels: np.ndarray, quality: float) -> bytes:
        """See `InProcessAnchor.encode`."""
        import imagecodecs

        if not 0 <= quality <= 100:
            raise self.refuse(quality, "0 to 100")
        bound = quality / 100 * 2 ** significant_bits(voxels) if quality else LOSSLESS_BOUND
        return bytes(imagecodecs.sz3_encode(voxels.astype(np.float32), mode=imagecodecs.SZ3.MODE.ABS, abs=bound))

    def decode(self, stream: bytes, shape: tuple[int, int, int], dtype: np.dtype, bits: int) -> np.ndarray:
        """See `InProcessAnchor.decode`."""
        import imagecodecs

        return rounded(imagecodecs.sz3_decode(stream, shape, np.float32), dtype)
