"""The interface of anchors, the traditional codecs to compare with, and conversions of volumes for them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import AiwaveError


def padded(voxels: np.ndarray, multiple: Sequence[int], least: Sequence[int]) -> np.ndarray:
    """Repeat the last voxels of each axis of (D, H, W) until its size is a multiple and no less than `least`."""
    sizes = [max(size, low) for size, low in zip(voxels.shape, least, strict=True)]
    after = [(0, size - old + -size % m) for old, size, m in zip(voxels.shape, sizes, multiple, strict=True)]
    return np.pad(voxels, after, mode="edge") if any(sum(pair) for pair in after) else voxels


def cropped(voxels: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """The first `shape` voxels of (D, H, W)."""
    depth, height, width = shape
    return voxels[:depth, :height, :width]


def to_unsigned(voxels: np.ndarray) -> tuple[np.ndarray, int]:
    """Add a constant to signed `voxels` so that none is negative; unsigned voxels are unchanged.

    The constant is the smallest sufficient power of two (1024 for CT in Hounsfield units), or 0.

    Returns:
        Voxels of the same size, uint8 or uint16, and the constant, to be subtracted after decoding.
    """
    if voxels.dtype.kind == "u":
        return voxels, 0
    lowest = int(voxels.min())
    shift = 1 << (-lowest - 1).bit_length() if lowest < 0 else 0
    return (voxels.astype(np.int32) + shift).astype(voxels.dtype.name.replace("int", "uint")), shift


def from_unsigned(voxels: np.ndarray, shift: int, dtype: np.dtype) -> np.ndarray:
    """Undo `to_unsigned`; values that a lossy codec pushed out of the range of `dtype` are clipped."""
    limits = np.iinfo(dtype)
    return (voxels.astype(np.int32) - shift).clip(limits.min, limits.max).astype(dtype)


def significant_bits(voxels: np.ndarray) -> int:
    """The number of bits of the largest of unsigned `voxels`: 8 for uint8, 8 to 16 for uint16."""
    return 8 if voxels.dtype.itemsize == 1 else max(8, int(voxels.max()).bit_length())


def rounded(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Real `values` rounded to the nearest integer and clipped to the range of `dtype`."""
    limits = np.iinfo(dtype)
    return np.rint(values).clip(limits.min, limits.max).astype(dtype)


@dataclass(frozen=True, eq=False)
class CodedVolume:
    """A volume after coding.

    Args:
        size: Bytes of everything the decoder reads.
        voxels: The decoded volume, of the original's shape and dtype if all went well.
        encode_s: Seconds to encode.
        decode_s: Seconds to decode.
    """

    size: int
    voxels: np.ndarray
    encode_s: float
    decode_s: float


@dataclass(frozen=True)
class Availability:
    """Availability of a codec on this machine: its version, if it reports one, and its location or how to get it."""

    available: bool
    version: str
    where: str


class Anchor(ABC):
    """A codec to compare with. It is sent to other processes, so it holds plain values only.

    Args:
        name: Name of the codec in tables.
        unit: Meaning of its quality, in words.
        ladder_8: Qualities for 8-bit volumes.
        ladder_16: Qualities for 16-bit volumes.
        about: Title, licence and source, for human readers.
        settings: Fixed settings of the codec; None if it has none.
    """

    def __init__(
        self,
        name: str,
        unit: str,
        ladder_8: Sequence[float],
        ladder_16: Sequence[float],
        about: Mapping[str, str],
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.name, self.unit = name, unit
        self._ladders = {1: tuple(ladder_8), 2: tuple(ladder_16)}
        self.settings, self.about = dict(settings or {}), dict(about)

    def ladder(self, dtype: np.dtype) -> tuple[float, ...]:
        """The qualities for voxels of this dtype, 8 or 16 bits."""
        return self._ladders[dtype.itemsize]

    @abstractmethod
    def availability(self) -> Availability:
        """Look for the codec on this machine."""

    @abstractmethod
    def code(self, voxels: np.ndarray, quality: float) -> CodedVolume:
        """Encode and decode (D, H, W) `voxels`, uint8 or uint16.

        Raises AiwaveError if the codec is missing, has no such quality, or fails.
        """

    def refuse(self, quality: float, allowed: str) -> AiwaveError:
        """The error for a quality that this codec does not have."""
        return AiwaveError(f"{self.name} has no quality {quality:g}: it is the {self.unit}, {allowed}.")
