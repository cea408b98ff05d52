"""JPEG 2000 Part 1, slice by slice."""

from typing import Any

import numpy as np

from .slices import SliceAnchor


class Jpeg2000(SliceAnchor):
    """OpenJPEG code streams. Quality: target PSNR [dB], peak = 2^(significant bits) - 1; 0 is lossless.

    Lossless is the reversible 5/3 wavelet at the depth of the container, lossy the 9/7.
    """

    library = "openjpeg"

    def encode_slice(self, image: np.ndarray, quality: float, bits: int) -> bytes:
        """See `SliceAnchor.encode_slice`."""
        import imagecodecs

        if quality < 0:
            raise self.refuse(quality, "0 or more")
        depth = bits if quality else None
        decibels: Any = quality  # the library's stub says int, but it takes fractions
        return bytes(
            imagecodecs.jpeg2k_encode(
                image, level=decibels, codecformat="j2k", reversible=not quality, bitspersample=depth, numthreads=1
            )
        )

    def decode_slice(self, stream: bytes) -> np.ndarray:
        """See `SliceAnchor.decode_slice`."""
        import imagecodecs

        return np.asarray(imagecodecs.jpeg2k_decode(stream, numthreads=1))
