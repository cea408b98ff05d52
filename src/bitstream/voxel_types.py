"""Voxels of any type as the numbers that are coded.

Models code numbers of about 16 bits. Integers, and floats that are whole numbers, in such a range are voxels less an
offset; other volumes are, losslessly, ranks in a table of their values if there are at most 65536, else planes of 16
bits; lossily, they are scaled. NaN, infinity and padding are exact: as ranks or planes, or by a mask in lossy files.
"""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import AiwaveError
from ..images.image import peak_of
from .header import DTYPES, NARROW
from .masks import FIRST, filled, find_mask
from .patterns import MOST, ordered, table_to_bytes
from .values import pack_values, ranks_in, values_to_bytes

RANGE = 4095.0
"""Range of scaled numbers: that of the 12 bits of most scanners, which models are trained on."""

EXACT = 2.0**53
"""Integers up to here are exact in float64."""

SMALLEST_SCALE = 1e-300
"""Less would be lost in the smallest floats."""

SCALING = struct.Struct("<2d")


@dataclass(frozen=True, eq=False)
class Source:
    """A volume (T, D, H, W) ready for coding: numbers are voxels less `offset`, or ranks in `table` if that is set.

    `voxels` of other types than 8- and 16-bit integers are numbers already, uint16 or, scaled, float32. With `planes`
    there are several frames of them per frame of the volume; with a `mask` (see `masks`) there is one, and one of the
    mask; with an `error` (see `bounded_error`) one, and one of corrections. `values` is the stream's section. `dtype`
    is that of the volume, `peak` its PSNR peak in units of the numbers. `first` is the axis of the volume that comes
    first in a frame, 0 for z, 1 for y, 2 for x; the others keep their order.
    """

    voxels: np.ndarray
    is_series: bool
    dtype: np.dtype[Any]
    peak: float
    offset: int = 0
    table: np.ndarray | None = None
    values: bytes = b""
    planes: bool = False
    mask: np.ndarray | None = None
    scale: float = 1.0
    error: int = 0
    first: int = 0

    @property
    def paired(self) -> bool:
        """True if every other frame of numbers is a mask or has corrections."""
        return self.mask is not None or self.error > 0

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, D, H, W) in frames of numbers, those of the mask included."""
        frames, *size = self.voxels.shape
        return (2 * frames if self.paired else frames, *size)  # type: ignore[return-value]

    @property
    def padded(self) -> bool:
        """True if some voxels are padding."""
        return self.mask is not None and bool((self.mask >= FIRST).any())

    def is_second(self, frame: int) -> bool:
        """True if a frame of numbers is a mask or has corrections."""
        return self.paired and frame % 2 == 1

    def numbers(self, part: np.ndarray) -> np.ndarray:
        """The numbers of a part of `voxels`: int32, or float32 if they are scaled."""
        if self.voxels.dtype.kind == "f":
            return part
        if self.table is not None and self.dtype in NARROW:
            return ranks_in(self.table, part)
        return part.astype(np.int32) - (self.offset if self.dtype in NARROW else 0)


def prepare(volume: np.ndarray, lossless: bool, padding: bool = True) -> Source:
    """The source of a checked volume (D, H, W) or (T, D, H, W).

    Lossily, padding is kept exactly unless `padding` is false. Raises AiwaveError for lossy floats without finite
    values.
    """
    voxels, is_series = volume.reshape(-1, *volume.shape[-3:]), volume.ndim == 4
    if volume.dtype.kind == "b":
        return Source(voxels.astype(np.uint16), is_series, volume.dtype, 1.0)
    if not lossless:
        return _lossy(voxels, is_series, *find_mask(voxels, padding))
    if volume.dtype in NARROW:
        table = pack_values(voxels)
        offset = 0 if table is not None else base_of(voxels)
        values = b"" if table is None else values_to_bytes(table)
        return Source(voxels, is_series, volume.dtype, peak_of(volume.dtype), offset, table, values)
    if (least := _offset(voxels)) is not None:
        return _whole(voxels, is_series, least)
    return _exact(voxels, is_series)


def _whole(voxels: np.ndarray, is_series: bool, least: int) -> Source:
    """Whole numbers less an offset."""
    numbers = (voxels - voxels.dtype.type(least)).astype(np.uint16)
    return Source(numbers, is_series, voxels.dtype, float(max(1, int(numbers.max()))), least)


def _lossy(voxels: np.ndarray, is_series: bool, mask: np.ndarray | None, paddings: np.ndarray) -> Source:
    """Voxels less an offset, or scaled; under the mask a smooth continuation of the others."""
    dtype, known = voxels.dtype, voxels if mask is None else voxels[mask == 0]
    values = paddings.astype(dtype.newbyteorder("<")).tobytes()
    if dtype in NARROW:
        if mask is not None:
            voxels = np.rint(filled(voxels, mask)).astype(dtype)
        return Source(voxels, is_series, dtype, peak_of(dtype), base_of(known), values=values, mask=mask)
    least = _offset(known)
    if mask is None and least is not None:
        return _whole(voxels, is_series, least)
    finite = known if mask is None else voxels[(mask == 0) | (mask >= FIRST)]
    low, scale = (float(least), 1.0) if least is not None else _scaling(known)
    peak = float(finite.max()) / scale - float(finite.min()) / scale or 1.0
    with np.errstate(all="ignore"):  # what is masked may be anything
        numbers = (voxels.astype(np.float64) / scale - low / scale).astype(np.float32)
    if mask is not None:
        numbers = filled(numbers, mask)
        numbers = np.rint(numbers) if least is not None else numbers
    return Source(numbers, is_series, dtype, peak, values=SCALING.pack(scale, low) + values, mask=mask, scale=scale)


def base_of(voxels: np.ndarray) -> int:
    """The offset of whole numbers in a range of 16 bits: 0, as in training, or a minimum below or far above that."""
    low, high = int(voxels.min()), int(voxels.max())
    return low if low < 0 or low > high - low else 0


def _offset(voxels: np.ndarray) -> int | None:
    """The offset of whole numbers in a range of 16 bits, None for others."""
    if voxels.dtype.kind == "f":
        whole = np.isfinite(voxels).all() and (voxels == np.rint(voxels)).all()
        if not whole or (np.signbit(voxels) & (voxels == 0)).any():
            return None
    low, high, base = int(voxels.min()), int(voxels.max()), base_of(voxels)
    offset = low if high - base >= MOST else base
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
        return Source(ranks, is_series, voxels.dtype, 1.0, table=table, values=table_to_bytes(table))
    count = voxels.dtype.itemsize // 2
    planes = patterns.astype(patterns.dtype.newbyteorder(">")).view(">u2").reshape(*voxels.shape, count)
    frames = np.moveaxis(planes, -1, 1).reshape(-1, *voxels.shape[1:]).astype(np.uint16)
    return Source(frames, is_series, voxels.dtype, 1.0, planes=True)


def _scaling(known: np.ndarray) -> tuple[float, float]:
    """The lowest of the voxels, and what scales them to `RANGE`. Raises AiwaveError if there is no such scale."""
    if not np.isfinite(known).all():
        raise AiwaveError("The volume has no finite voxels: code it losslessly.")
    low, high = float(known.min()), float(known.max())
    scale = high / RANGE - low / RANGE
    if known.dtype.kind != "f" and max(abs(low), abs(high)) > EXACT:
        raise AiwaveError(
            "The volume has integers beyond 2^53, which lossy coding cannot keep apart: subtract an offset, or code it "
            "losslessly."
        )
    if low < high and scale < SMALLEST_SCALE:
        raise AiwaveError(f"The values span only {high - low:g}: multiply them by a factor, or code them losslessly.")
    return low, scale or 1.0


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
