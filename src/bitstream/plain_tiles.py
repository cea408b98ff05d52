"""Tiles without the model: a constant, or JPEG XL or LZMA where that is smaller.

Numbers to code have 16 bits: voxels less the offset, or ranks.
"""

import lzma
import zlib
from dataclasses import dataclass

import numpy as np

from ..errors import AiwaveError
from ..models.bands import Size
from .header import DAMAGED
from .patterns import MOST
from .tile_index import CodedTile, Mode

LOOK, EFFORT, MORE_EFFORT = 3, 7, 9
"""Efforts of JPEG XL: to see whether it is worth a try, to code, and to code what is easy to code."""

EASY = 4.0
"""Bits per number up to which the last effort pays; it takes minutes for noise that repeats itself."""

FLAT = 0.5
"""Bits per number at the first effort below which models, made for textures, are not tried."""

COMMON = 0.6
"""Share of the most frequent number above which lossless models are not tried; up to half, some still are smaller."""

RARE, HOPE = 0.1, 1.2
"""Share above which bytes at the first effort of up to this multiple of the model's are worth a try with others."""

ZIPPED, RIVAL = 2.0, 1.3
"""Bits per number of a quick zlib, or its bytes as a multiple of JPEG XL's, up to which LZMA is worth a try."""

DICTIONARY = 1 << 23
"""Dictionary size of LZMA."""


def constant(numbers: np.ndarray) -> CodedTile | None:
    """The coded tile, if all its numbers are the same."""
    first = int(numbers.flat[0])
    return CodedTile([], first, Mode.CONSTANT) if (numbers == first).all() else None


@dataclass(frozen=True)
class Look:
    """A cheap look at numbers: `bits` in JPEG XL at a low effort, and the share of the most frequent one, `common`."""

    bits: int
    common: float
    size: int

    @classmethod
    def at(cls, numbers: np.ndarray) -> "Look":
        """Look at the numbers (d, h, w) of a tile."""
        page = _page(numbers)
        return cls(8 * len(_jpeg_xl(page, LOOK)), int(np.bincount(page.ravel()).max()) / page.size, page.size)

    def decides(self, lossless: bool) -> bool:
        """True if the model is not worth a try."""
        return self.bits < FLAT * self.size or (lossless and self.common > COMMON)

    def promises(self, model_bytes: int) -> bool:
        """True if the others may need fewer bytes than the model does."""
        return self.bits < 8 * model_bytes * (HOPE if self.common > RARE else 1.0)


UNKNOWN = Look(1 << 62, 0.0, 1)
"""For numbers that only the model codes."""


def is_flat(numbers: np.ndarray) -> bool:
    """True for numbers (d, h, w) that lossy streams store exactly whatever the step."""
    if numbers.dtype.kind == "f":
        return False
    return constant(numbers) is not None or Look.at(numbers).decides(lossless=False)


def smallest(numbers: np.ndarray, content: int) -> CodedTile:
    """The numbers (d, h, w) in JPEG XL or LZMA; `content` is their checksum (see `TileCodec.content`)."""
    page = _page(numbers)
    jpeg_xl, quick = _jpeg_xl(page, EFFORT), len(zlib.compress(page.tobytes(), 1))
    if 8 * quick < ZIPPED * page.size or quick < RIVAL * len(jpeg_xl):
        zipped = _lzma(page)
        if len(zipped) <= len(jpeg_xl):
            return CodedTile([zipped], content, Mode.LZMA)
    if 8 * len(jpeg_xl) < EASY * page.size:
        jpeg_xl = min(jpeg_xl, _jpeg_xl(page, MORE_EFFORT), key=len)
    return CodedTile([jpeg_xl], content, Mode.JPEG_XL)


def decoded(tile: CodedTile, size: Size) -> np.ndarray:
    """The numbers (d, h, w) int32 of a tile without the model. Raises AiwaveError if it is damaged."""
    if tile.mode == Mode.CONSTANT:
        if tile.content >= MOST:
            raise AiwaveError(DAMAGED.format("a constant tile has a number beyond 16 bits"))
        return np.full(size, tile.content, np.int32)
    read = _from_jpeg_xl if tile.mode == Mode.JPEG_XL else _from_lzma
    page = np.empty((size[0] * size[1], size[2]), np.uint16)
    page[:] = read(tile.chunks[0], page.shape)
    return page.reshape(size).astype(np.int32)


def checksum(numbers: np.ndarray) -> int:
    """CRC-32 of the numbers as little-endian int32."""
    return zlib.crc32(numbers.astype("<i4").tobytes())


def coarse(numbers: np.ndarray, levels: int) -> np.ndarray:
    """The low band of the numbers (d, h, w) after so many levels of the reversible CDF 5/3: those of a preview.

    Source: ISO/IEC 15444-1, annex F.4.8.1.
    """
    low = numbers.astype(np.int64)
    for axis in [0, 1, 2] * levels:
        low = np.moveaxis(_low(np.moveaxis(low, axis, 0)), 0, axis)
    return low


def _low(x: np.ndarray) -> np.ndarray:
    """The low half along the first axis, mirrored about its ends."""
    if len(x) == 1:
        return x
    even, odd = x[0::2], x[1::2]
    after = np.concatenate((even[1:], even[-1:]))[: len(odd)]
    high = odd + ((1 - even[: len(odd)] - after) >> 1)
    left, right = np.concatenate((high[:1], high)), np.concatenate((high, high[-1:]))
    return even + ((left[: len(even)] + right[: len(even)] + 2) >> 2)


def _page(numbers: np.ndarray) -> np.ndarray:
    """The sections below each other, as uint8 or uint16."""
    dtype = np.uint8 if int(numbers.max()) < 256 else np.uint16
    return np.ascontiguousarray(numbers.reshape(-1, numbers.shape[-1]), dtype)


def _jpeg_xl(page: np.ndarray, effort: int) -> bytes:
    from imagecodecs import jpegxl_encode

    try:
        return bytes(jpegxl_encode(page, lossless=True, effort=effort, numthreads=1))
    except RuntimeError as error:  # a JpegxlError: every page can be coded, given memory
        raise MemoryError(str(error)) from error


def _from_jpeg_xl(data: bytes, shape: tuple[int, int]) -> np.ndarray:
    """A page of uint8 or uint16; the decoder refuses another size before it decodes."""
    from imagecodecs import jpegxl_decode

    for dtype in (np.uint8, np.uint16):
        page = np.empty(shape, dtype)
        try:
            return jpegxl_decode(data, numthreads=1, out=page)
        except (RuntimeError, ValueError) as error:  # JpegxlError is a RuntimeError
            reason = error
    raise AiwaveError(DAMAGED.format("a tile in JPEG XL cannot be decoded, or has another size")) from reason


def _lzma(page: np.ndarray) -> bytes:
    wide = page.itemsize - 1
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": DICTIONARY, "lc": 3 - 3 * wide, "lp": wide, "pb": wide}]
    return lzma.compress(page.astype(page.dtype.newbyteorder("<")).tobytes(), lzma.FORMAT_RAW, filters=filters)


def _from_lzma(data: bytes, shape: tuple[int, int]) -> np.ndarray:
    """A page of bytes or, if there are twice as many, of uint16."""
    engine = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": DICTIONARY}])
    count = shape[0] * shape[1]
    try:
        raw = engine.decompress(data, 2 * count + 1)
    except lzma.LZMAError as error:
        raise AiwaveError(DAMAGED.format("a tile in LZMA cannot be decoded")) from error
    if len(raw) not in (count, 2 * count) or not engine.eof:
        raise AiwaveError(DAMAGED.format("a tile in LZMA has another size"))
    return np.frombuffer(raw, np.uint8 if len(raw) == count else "<u2").reshape(shape)
