"""General-purpose byte compressors: a baseline that any image codec should beat."""

import numpy as np

from .in_process import ImagecodecsAnchor


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
