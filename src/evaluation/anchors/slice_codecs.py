"""In-process image codecs, which code a volume slice by slice."""

import struct
import time
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from .anchor import Anchor, Availability, CodedVolume, significant_bits

HEADER = struct.Struct("<3IBB")  # sides, bytes and significant bits of a voxel


class InProcessAnchor(Anchor):
    """A codec from a library, which unless a subclass says otherwise is installed with this package.

    The size is that of the library's stream(s) plus a header of 14 bytes with shape, dtype and significant bits, so
    that the volume can be decoded from the stream alone.
    """

    @abstractmethod
    def encode(self, voxels: np.ndarray, quality: float) -> bytes:
        """The stream of (D, H, W) `voxels`, uint8 or uint16. Raises AiwaveError for an unsupported quality."""

    @abstractmethod
    def decode(self, stream: bytes, shape: tuple[int, int, int], dtype: np.dtype, bits: int) -> np.ndarray:
        """The voxels of a stream, given their shape, dtype and significant bits."""

    def code(self, voxels: np.ndarray, quality: float) -> CodedVolume:
        """See `Anchor.code`. Times are those of the library alone."""
        started = time.perf_counter()
        header = HEADER.pack(*voxels.shape, voxels.dtype.itemsize, significant_bits(voxels))
        stream = header + self.encode(np.ascontiguousarray(voxels), quality)
        encoded = time.perf_counter()
        depth, height, width, itemsize, bits = HEADER.unpack_from(stream)
        decoded = self.decode(stream[HEADER.size :], (depth, height, width), np.dtype(f"u{itemsize}"), bits)
        return CodedVolume(len(stream), decoded, encoded - started, time.perf_counter() - encoded)

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


LENGTH = struct.Struct("<I")


class SliceAnchor(ImagecodecsAnchor):
    """An image codec applied to every slice (H, W) independently; each stream is prefixed by its length (4 bytes)."""

    def encode(self, voxels: np.ndarray, quality: float) -> bytes:
        """See `InProcessAnchor.encode`."""
        bits = significant_bits(voxels)
        return join(self.encode_slice(image, quality, bits) for image in voxels)

    def decode(self, stream: bytes, shape: tuple[int, int, int], dtype: np.dtype, bits: int) -> np.ndarray:
        """See `InProcessAnchor.decode`."""
        return np.stack([self.decode_slice(part).astype(dtype, copy=False) for part in split(stream)])

    @abstractmethod
    def encode_slice(self, image: np.ndarray, quality: float, bits: int) -> bytes:
        """The stream of one (H, W) slice of a volume with `bits` significant bits."""

    @abstractmethod
    def decode_slice(self, stream: bytes) -> np.ndarray:
        """The (H, W) slice decoded from a stream."""


def join(streams: Iterable[bytes]) -> bytes:
    """Concatenate streams, each prefixed by its length."""
    return b"".join(LENGTH.pack(len(stream)) + stream for stream in streams)


def split(stream: bytes) -> Iterator[bytes]:
    """Undo `join`."""
    start = 0
    while start < len(stream):
        (length,) = LENGTH.unpack_from(stream, start)
        start += LENGTH.size
        yield stream[start : start + length]
        start += length


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


class JpegLs(SliceAnchor):
    """CharLS streams. Quality: NEAR, the largest voxel error [grey values], 0 to 255 (8 bits: 127); 0 is lossless."""

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
