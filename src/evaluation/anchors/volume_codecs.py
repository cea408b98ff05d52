"""In-process codecs of whole volumes."""

import numpy as np

from .anchor import cropped, padded, rounded, significant_bits
from .slice_codecs import ImagecodecsAnchor


class Zstd(ImagecodecsAnchor):
    """Zstandard on the raw voxels. Quality: 0, lossless. `settings.level` is 1 to 22."""

    library = "zstd"

    def encode(self, voxels: np.ndarray, quality: float) -> bytes:
        """See `InProcessAnchor.encode`."""
        import imagecodecs

        if quality != 0:
            raise self.refuse(quality, "0 only")
        return bytes(imagecodecs.zstd_encode(voxels.tobytes(), level=self.settings["level"]))

    def decode(self, stream: bytes, shape: tuple[int, int, int], dtype: np.dtype, bits: int) -> np.ndarray:
        """See `InProcessAnchor.decode`."""
        import imagecodecs

        return np.frombuffer(imagecodecs.zstd_decode(stream), dtype).reshape(shape)


class Blosc2(ImagecodecsAnchor):
    """Blosc2: `settings.shuffle`, then `settings.compressor` at `settings.level` (0 to 9). Quality: 0, lossless."""

    library = "c-blosc2"

    def encode(self, voxels: np.ndarray, quality: float) -> bytes:
        """See `InProcessAnchor.encode`."""
        import imagecodecs

        if quality != 0:
            raise self.refuse(quality, "0 only")
        return bytes(
            imagecodecs.blosc2_encode(voxels.tobytes(), typesize=voxels.itemsize, numthreads=1, **self.settings)
        )

    def decode(self, stream: bytes, shape: tuple[int, int, int], dtype: np.dtype, bits: int) -> np.ndarray:
        """See `InProcessAnchor.decode`."""
        import imagecodecs

        return np.frombuffer(imagecodecs.blosc2_decode(stream, numthreads=1), dtype).reshape(shape)


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


class Sz3(ImagecodecsAnchor):
    """3-D on float32, decoded values rounded. Quality: largest error [% of 2^(significant bits)]; 0 is lossless."""

    library = "sz3"

    def encode(self, voxels: np.ndarray, quality: float) -> bytes:
        """See `InProcessAnchor.encode`."""
        import imagecodecs

        if not 0 <= quality <= 100:
            raise self.refuse(quality, "0 to 100")
        bound = quality / 100 * 2 ** significant_bits(voxels) if quality else LOSSLESS_TOLERANCE
        return bytes(imagecodecs.sz3_encode(voxels.astype(np.float32), mode=imagecodecs.SZ3.MODE.ABS, abs=bound))

    def decode(self, stream: bytes, shape: tuple[int, int, int], dtype: np.dtype, bits: int) -> np.ndarray:
        """See `InProcessAnchor.decode`."""
        import imagecodecs

        return rounded(imagecodecs.sz3_decode(stream, shape, np.float32), dtype)


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
