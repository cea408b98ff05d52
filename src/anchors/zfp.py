"""zfp: block transform coding of floating-point arrays."""

import numpy as np

from .in_process import ImagecodecsAnchor
from .significant import rounded, significant_bits


class Zfp(ImagecodecsAnchor):
    """3-D on float32, decoded values rounded. Quality: tolerance [% of 2^(significant bits)]; 0 is lossless.

    The tolerance bounds every error; most errors are far below it. Lossless uses the reversible mode.
    """

    library = "zfp"

    def encode(self, voxels: np.ndarray, quality: float) -> bytes:
        """See `InProcessAnchor.encode`."""
        import imagecodecs

        mode = imagecodecs.ZFP.MODE
        if not 0 <= quality <= 100:
            raise self.refuse(quality, "0 to 100")
        tolerance = quality / 100 * 2 ** significant_bits(voxels)
        how = mode.FIXED_ACCURACY if quality else mode.REVERSIBLE
        return bytes(imagecodecs.zfp_encode(voxels.astype(np.float32), level=tolerance, mode=how))

    def decode(self, stream: bytes, shape: tuple[int, int, int], dtype: np.dtype, bits: int) -> np.ndarray:
        """See `InProcessAnchor.decode`."""
        import imagecodecs

        return rounded(imagecodecs.zfp_decode(stream), dtype)
