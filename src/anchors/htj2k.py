"""High-throughput JPEG 2000 (Part 15), slice by slice."""

import numpy as np

from .slices import SliceAnchor


class Htj2k(SliceAnchor):
    """OpenJPH code streams. Quality: quantisation step [% of 2^(significant bits)]; 0 is lossless (5/3 wavelet)."""

    library = "openjph"

    def encode_slice(self, image: np.ndarray, quality: float, bits: int) -> bytes:
        """See `SliceAnchor.encode_slice`. The library expects the step as a fraction of the container's range."""
        import imagecodecs

        if not 0 <= quality <= 100:
            raise self.refuse(quality, "0 to 100")
        if quality == 0:
            return bytes(imagecodecs.htj2k_encode(image, reversible=True))
        step = quality / 100 * 2.0 ** (bits - 8 * image.dtype.itemsize)
        return bytes(imagecodecs.htj2k_encode(image, level=step, reversible=False))

    def decode_slice(self, stream: bytes) -> np.ndarray:
        """See `SliceAnchor.decode_slice`."""
        import imagecodecs

        return np.asarray(imagecodecs.htj2k_decode(stream))
