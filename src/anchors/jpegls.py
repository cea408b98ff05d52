"""JPEG-LS, slice by slice."""

import numpy as np

from .slices import SliceAnchor


class JpegLs(SliceAnchor):
    """CharLS streams. Quality: NEAR, the largest voxel error [grey values], 0 to 255; 0 is lossless."""

    library = "charls"

    def encode_slice(self, image: np.ndarray, quality: float, bits: int) -> bytes:
        """See `SliceAnchor.encode_slice`."""
        import imagecodecs

        most = 127 if image.dtype.itemsize == 1 else 255
        if not (0 <= quality <= most and float(quality).is_integer()):
            raise self.refuse(quality, f"a whole number from 0 to {most}")
        return bytes(imagecodecs.jpegls_encode(image, level=int(quality)))

    def decode_slice(self, stream: bytes) -> np.ndarray:
        """See `SliceAnchor.decode_slice`."""
        import imagecodecs

        return np.asarray(imagecodecs.jpegls_decode(stream))
