"""Codecs that run inside this program, and the header that makes their streams complete."""

import struct
import time
from abc import abstractmethod

import numpy as np

from .anchor import Anchor, Availability, Coded

HEADER = struct.Struct("<3IBB")  # sides, bytes and significant bits of a voxel


class InProcessAnchor(Anchor):
    """A codec from a library that is installed with this package.

    The size is that of the library's stream(s) plus a header of 14 bytes with shape, dtype and significant bits, so
    that the volume can be decoded from the stream alone.
    """

    @abstractmethod
    def encode(self, voxels: np.ndarray, quality: float) -> bytes:
        """The stream of (D, H, W) `voxels`, uint8 or uint16. Raises AiwaveError for an unsupported quality."""

    @abstractmethod
    def decode(self, stream: bytes, shape: tuple[int, int, int], dtype: np.dtype, bits: int) -> np.ndarray:
        """The voxels of a stream, given their shape, dtype and significant bits."""

    def code(self, voxels: np.ndarray, quality: float) -> Coded:
        """See `Anchor.code`. Times are those of the library alone."""
        from .significant import significant_bits

        started = time.perf_counter()
        header = HEADER.pack(*voxels.shape, voxels.dtype.itemsize, significant_bits(voxels))
        stream = header + self.encode(np.ascontiguousarray(voxels), quality)
        encoded = time.perf_counter()
        depth, height, width, itemsize, bits = HEADER.unpack_from(stream)
        decoded = self.decode(stream[HEADER.size :], (depth, height, width), np.dtype(f"u{itemsize}"), bits)
        return Coded(len(stream), decoded, encoded - started, time.perf_counter() - encoded)

    def availability(self) -> Availability:
        """See `Anchor.availability`: always available, with the library's version."""
        return Availability(True, self.version(), "installed with this package")

    @abstractmethod
    def version(self) -> str:
        """Name and version of the library."""


class ImagecodecsAnchor(InProcessAnchor):
    """A codec of the imagecodecs library; `library` names the wrapped library, as in `imagecodecs.version()`."""

    library: str

    def version(self) -> str:
        """Name and version of the wrapped library."""
        import imagecodecs

        versions = imagecodecs.version(dict)
        return f"{self.library} {versions.get(self.library, '')}".strip()
