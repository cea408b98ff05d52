"""Voxels of any type as the numbers that are coded, and back.

Models code numbers of about 16 bits. Integers, and floats that are whole numbers, in such a range are voxels less an
offset; other volumes are, losslessly, ranks in a table of their values if there are at most 65536, else planes of 16
bits; lossily, they are scaled. NaN and infinity are exact: as ranks or planes, or by a mask in lossy files.
"""

import struct
import zlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import AiwaveError
from .header import DAMAGED, DTYPES, NARROW, Header
from .values import pack_values, values_from_bytes, values_to_bytes

MOST = 1 << 16
"""Numbers of 16 bits."""

RANGE = 4095.0
"""Range of scaled numbers: that of the 12 bits of most scanners, which models are trained on."""

HALF = float(np.finfo(np.float64).max) / 2

EXACT = 2.0**53
"""Integers up to here are exact in float64."""

SMALLEST_SCALE = 1e-300
"""Less would be lost in the smallest floats."""

SCALING = struct.Struct("<2d")
SPECIAL = (np.nan, np.inf, -np.inf)
"""Values that a mask stands for, as 1, 2 and 3; 0 stands for all others."""


@dataclass(frozen=True, eq=False)
class Source:
    """A volume (T, D, H, W) ready for coding: numbers are voxels less `offset`, or ranks in `table` if that is set.

    `voxels` of other types than 8- and 16-bit integers are numbers already, uint16 or, `scaled`, float32. `frames` is
    the number of frames of numbers per frame of the volume: `planes`, or numbers and a mask if `masked`. `values` is
    the stream's section. `dtype` is that of the volume, `peak` its PSNR peak in units of the numbers.
    """

    voxels: np.ndarray
    is_series: bool
    dtype: np.dtype[Any]
    peak: float
    offset: int = 0
    table: np.ndarray | None = None
    values: bytes = b""
    planes: bool = False
    masked: bool = False
    scale: float = 1.0

    def numbers(self, part: np.ndarray) -> np.ndarray:
        """The numbers of a part of `voxels`: int32, or float32 if they are scaled."""
        if self.voxels.dtype.kind == "f":
            return part
        if self.table is not None and self.dtype in NARROW:
            return np.searchsorted(self.table, part).astype(np.int32)
        return part.astype(np.int32) - (self.offset if self.dtype in NARROW else 0)


def prepare(volume: np.ndarray, lossless: bool) -> Source:
    """The source of a checked volume (D, H, W) or (T, D, H, W). Raises AiwaveError for floats without finite values."""
    voxels, is_series = volume.reshape(-1, *volume.shape[-3:]), volume.ndim == 4
    if volume.dtype in NARROW:
        table = pack_values(voxels) if lossless else None
        offset = 0 if table is not None else min(0, int(voxels.min()))  # as volumes are prepared for training
        values = b"" if table is None else values_to_bytes(table)
        peak = 255.0 if volume.itemsize == 1 else 65535.0
        return Source(voxels, is_series, volume.dtype, peak, offset, table, values)
    if volume.dtype.kind == "b":
        return Source(voxels.astype(np.uint16), is_series, volume.dtype, 1.0)
    if (least := _offset(voxels)) is not None:
        numbers = (voxels - voxels.dtype.type(least)).astype(np.uint16)
        return Source(numbers, is_series, volume.dtype, float(max(1, int(numbers.max()))), least)
    return (_exact if lossless else _scaled)(voxels, is_series)


def _offset(voxels: np.ndarray) -> int | None:
    """The offset of whole numbers in a range of 16 bits, None for others."""
    if voxels.dtype.kind == "f":
        whole = np.isfinite(voxels).all() and (voxels == np.rint(voxels)).all()
        if not whole or (np.signbit(voxels) & (voxels == 0)).any():
            return None
    low, high = int(voxels.min()), int(voxels.max())
    offset = low if high - min(0, low) >= MOST else min(0, low)
    return offset if high - offset < MOST and abs(offset) < 1 << 31 and _holds(voxels.dtype, low, high) else None


def _holds(dtype: np.dtype[Any], low: int, high: int) -> bool:
    """True if a type holds all whole numbers of a range."""
    return dtype.kind != "f" or max(abs(low), abs(high)) <= 2 ** (np.finfo(dtype).nmant + 1)


def _exact(voxels: np.ndarray, is_series: bool) -> Source:
    """Ranks, or planes if there are too many values."""
    patterns = ordered(voxels)
    table = np.unique(patterns)
    if len(table) <= MOST:
        ranks = np.searchsorted(table, patterns).astype(np.uint16)
        return Source(ranks, is_series, voxels.dtype, 1.0, table=table, values=_table_to_bytes(table))
    count = voxels.dtype.itemsize // 2
    planes = patterns.astype(patterns.dtype.newbyteorder(">")).view(">u2").reshape(*voxels.shape, count)
    frames = np.moveaxis(planes, -1, 1).reshape(-1, *voxels.shape[1:]).astype(np.uint16)
    return Source(frames, is_series, voxels.dtype, 1.0, planes=True)


def _scaled(voxels: np.ndarray, is_series: bool) -> Source:
    """Numbers scaled to `RANGE`, and a mask if there are NaN or infinite voxels."""
    finite = np.isfinite(voxels)
    if not finite.any():
        raise AiwaveError("The volume has no finite voxels: code it losslessly.")
    known = voxels[finite].astype(np.float64)
    low, high = float(known.min()), float(known.max())
    scale = high / RANGE - low / RANGE
    if voxels.dtype.kind != "f" and max(abs(low), abs(high)) > EXACT:
        raise AiwaveError(
            "The volume has integers beyond 2^53, which lossy coding cannot keep apart: subtract an offset, or code it "
            "losslessly."
        )
    if low < high and scale < SMALLEST_SCALE:
        raise AiwaveError(f"The values span only {high - low:g}: multiply them by a factor, or code them losslessly.")
    scale = scale or 1.0
    numbers = np.zeros(voxels.shape, np.float32)
    numbers[finite] = known / scale - low / scale
    values, masked = SCALING.pack(scale, low), not finite.all()
    if masked:
        numbers[~finite] = numbers[finite].mean()
        mask = np.select([np.isnan(voxels), voxels == np.inf, voxels == -np.inf], [1, 2, 3], 0)
        numbers = np.stack([numbers, mask.astype(np.float32)], axis=1).reshape(-1, *voxels.shape[1:])
    peak = high / scale - low / scale or 1.0
    return Source(numbers, is_series, voxels.dtype, peak, values=values, masked=masked, scale=scale)


def ordered(voxels: np.ndarray) -> np.ndarray:
    """Voxels as unsigned integers of their size in the order of the values; NaN of either sign comes at the ends."""
    bits = 8 * voxels.dtype.itemsize
    plain, top = voxels.view(f"u{bits // 8}"), np.array(1 << (bits - 1), f"u{bits // 8}")
    if voxels.dtype.kind == "u":
        return plain
    if voxels.dtype.kind == "i":
        return plain ^ top
    return np.where(plain & top, ~plain, plain | top)


def from_ordered(patterns: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """The inverse of `ordered`."""
    plain = patterns.astype(f"u{dtype.itemsize}", copy=False)
    top = np.array(1 << (8 * dtype.itemsize - 1), plain.dtype)
    if dtype.kind == "i":
        plain = plain ^ top
    elif dtype.kind == "f":
        plain = np.where(plain & top, plain ^ top, ~plain)
    return plain.view(dtype)


def _table_to_bytes(table: np.ndarray) -> bytes:
    """Deflated differences of rising patterns, the first from zero, byte plane by byte plane."""
    differences = np.diff(table, prepend=table.dtype.type(0)).astype(table.dtype.newbyteorder("<"))
    planes = differences.view(np.uint8).reshape(len(table), -1).T
    return zlib.compress(planes.tobytes(), 9)


def _table_from_bytes(data: bytes, dtype: np.dtype[Any]) -> np.ndarray:
    """The values of `dtype` of a table. Raises AiwaveError if it is damaged."""
    engine = zlib.decompressobj()
    try:
        raw = engine.decompress(data, MOST * dtype.itemsize)
    except zlib.error as error:
        raise AiwaveError(DAMAGED.format("its table of values cannot be read")) from error
    if not engine.eof or engine.unused_data or not raw or len(raw) % dtype.itemsize:
        raise AiwaveError(DAMAGED.format("its table of values is cut short"))
    planes = np.frombuffer(raw, np.uint8).reshape(dtype.itemsize, -1)
    differences = np.ascontiguousarray(planes.T).view(f"<u{dtype.itemsize}")[:, 0]
    if not differences[1:].all():
        raise AiwaveError(DAMAGED.format("its table of values is invalid"))
    patterns = np.cumsum(differences, dtype=differences.dtype)
    if (patterns[1:] <= patterns[:-1]).any():
        raise AiwaveError(DAMAGED.format("its table of values does not rise"))
    return from_ordered(patterns, dtype)


def _to_type(values: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Float64 values, rounded for integers, in a type: clipped to it, so that nothing wraps or becomes infinite."""
    if dtype.kind == "f":
        most = float(np.finfo(dtype).max)
        return values.clip(-most, most).astype(dtype)
    if dtype.kind == "b":
        return values > 0
    limits = np.iinfo(dtype)
    above = values >= float(limits.max)  # which may be rounded up, beyond the type
    stored = np.where(above, 0, values.clip(float(limits.min))).astype(dtype)
    stored[above] = limits.max
    return stored


@dataclass(frozen=True, eq=False)
class Restorer:
    """Restores voxels from the numbers of a stream: `table` of values if ranks were coded, `scale` and `low` of scaled
    numbers.

    Numbers that are `deferred` are restored after all frames are decoded; others tile by tile.
    """

    header: Header
    table: np.ndarray | None = None
    scale: float = 0.0
    low: float = 0.0

    @classmethod
    def of(cls, header: Header, values: bytes) -> "Restorer":
        """The restorer of a stream with this section of values. Raises AiwaveError if that is damaged."""
        plain = cls(header)
        if header.masked and not values:
            raise AiwaveError(DAMAGED.format("its scaling is missing"))
        if header.offset and (values or header.planes or header.dtype.kind == "b"):
            raise AiwaveError(DAMAGED.format("its offset has no meaning"))
        if not values:
            return plain
        if header.planes or header.dtype.kind == "b":
            raise AiwaveError(DAMAGED.format("its table of values has no meaning"))
        if not header.lossless:
            if len(values) != SCALING.size or header.dtype in NARROW:
                raise AiwaveError(DAMAGED.format("its scaling is invalid"))
            scale, low = SCALING.unpack(values)
            if not (np.isfinite([scale, low]).all() and scale >= SMALLEST_SCALE):
                raise AiwaveError(DAMAGED.format("its scaling is invalid"))
            return replace(plain, scale=scale, low=low)
        if header.dtype in NARROW:
            limits = np.iinfo(header.dtype)
            return replace(plain, table=values_from_bytes(values, int(limits.min), int(limits.max)))
        return replace(plain, table=_table_from_bytes(values, header.dtype))

    @property
    def deferred(self) -> bool:
        """True if numbers are restored frame by frame."""
        return self.header.planes or bool(self.scale)

    @property
    def step(self) -> float:
        """The quantisation step in units of the voxels."""
        return self.header.step * (self.scale or 1.0)

    def voxels(self, numbers: np.ndarray) -> np.ndarray:
        """Voxels of a tile, in the stored dtype, from its numbers: rounded, and clipped to the type or the table.

        Numbers that are `deferred` stay what they are, uint16 or float32.
        """
        if self.scale:
            return numbers.astype(np.float32)
        rounded, dtype = np.rint(numbers), self.header.dtype
        if self.header.planes:
            return rounded.clip(0, MOST - 1).astype(np.uint16)
        if self.table is not None:
            return self.table[rounded.clip(0, len(self.table) - 1).astype(np.int64)].astype(dtype)
        return _to_type(rounded.astype(np.float64) + self.header.offset, dtype)  # float32 cannot hold large offsets

    def joined(self, frames: np.ndarray) -> np.ndarray:
        """The volume (T, D, H, W) of decoded frames, which are its voxels unless they are `deferred`."""
        if not self.deferred:
            return frames
        dtype, parts = self.header.dtype, frames.reshape(-1, self.header.frames, *frames.shape[1:])
        if self.header.planes:
            words = np.ascontiguousarray(np.moveaxis(parts, 1, -1)).astype(">u2")
            return from_ordered(words.view(f">u{dtype.itemsize}")[..., 0], dtype)
        half = parts[:, 0].astype(np.float64) * (self.scale / 2) + self.low / 2  # the whole may overflow on the way
        values = 2 * half.clip(-HALF, HALF)
        voxels = _to_type(values if dtype.kind == "f" else np.rint(values), dtype)
        if self.header.masked:
            for k, value in enumerate(SPECIAL, start=1):
                voxels[parts[:, 1] == k] = value
        return voxels


def checked(volume: np.ndarray) -> np.ndarray:
    """The volume (D, H, W) or series (T, D, H, W) in native byte order. Raises AiwaveError if it cannot be coded."""
    try:
        array = np.asarray(volume)
    except (ValueError, TypeError) as error:
        raise AiwaveError("The volume is no array: give one of numbers.") from error
    dtype = array.dtype.newbyteorder("=")
    if dtype not in DTYPES:
        raise AiwaveError(f"The volume holds {array.dtype} voxels: convert them to numbers of at most 64 bits.")
    if array.ndim not in (3, 4) or 0 in array.shape:
        raise AiwaveError(f"The volume has the shape {array.shape}: give (D, H, W) or, for a series, (T, D, H, W).")
    return np.ascontiguousarray(array, dtype)
