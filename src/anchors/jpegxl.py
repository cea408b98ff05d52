"""JPEG XL, slice by slice."""

import numpy as np

from .slices import SliceAnchor


class JpegXl(SliceAnchor):
    """libjxl code streams. Quality: Butteraugli distance; 0 is lossless.

    Lossy streams declare the number of significant bits, so that the distance means the same for any bit depth;
    lossless streams use the container's depth. `settings.effort` is 1 to 9.
    """

    library = "libjxl"

    def encode_slice(self, image: np.ndarray, quality: float, bits: int) -> bytes:
        """See `SliceAnchor.encode_slice`."""
        import imagecodecs

        effort = self.settings["effort"]
        if not 0 <= quality <= 25:
            raise self.refuse(quality, "0 to 25")
        if quality == 0:
            return bytes(imagecodecs.jpegxl_encode(image, lossless=True, effort=effort, numthreads=1))
        return bytes(
            imagecodecs.jpegxl_encode(image, distance=quality, effort=effort, bitspersample=bits, numthreads=1)
        )

    def decode_slice(self, stream: bytes) -> np.ndarray:
        """See `SliceAnchor.decode_slice`."""
        import imagecodecs

        return np.asarray(imagecodecs.jpegxl_decode(stream, numthreads=1))
