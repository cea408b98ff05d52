"""Volumes coded slice by slice with an image codec."""

import struct
from abc import abstractmethod
from collections.abc import Iterable, Iterator

import numpy as np

from .in_process import ImagecodecsAnchor

LENGTH = struct.Struct("<I")


class SliceAnchor(ImagecodecsAnchor):
    """An image codec applied to every slice (H, W) independently; each stream is prefixed by its length (4 bytes)."""

    def encode(self, voxels: np.ndarray, quality: float) -> bytes:
        """See `InProcessAnchor.encode`."""
        from .significant import significant_bits

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
