"""Voxels from the numbers of a stream: the inverse of `voxel_types`."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import AiwaveError
from .bounded_error import ERROR, corrected
from .header import DAMAGED, NARROW, Header
from .masks import FIRST, MOST_PADDINGS, unmask
from .patterns import MOST, from_ordered, table_from_bytes
from .values import values_from_bytes
from .voxel_types import SCALING, SMALLEST_SCALE

HALF = float(np.finfo(np.float64).max) / 2


def to_type(values: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
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
    numbers, `paddings` that masks stand for, the largest `error` if there are corrections.

    Numbers that are `deferred` are restored after all frames are decoded; others tile by tile.
    """

    header: Header
    table: np.ndarray | None = None
    scale: float = 0.0
    low: float = 0.0
    paddings: np.ndarray | None = None
    error: int = 0

    @classmethod
    def of(cls, header: Header, values: bytes) -> "Restorer":
        """The restorer of a stream with this section of values. Raises AiwaveError if that is damaged."""
        plain, narrow = cls(header), header.dtype in NARROW
        if header.paired and not values:
            raise AiwaveError(DAMAGED.format("what its masks stand for is missing"))
        if header.offset and (header.planes or header.dtype.kind == "b" or (values and not (header.paired and narrow))):
            raise AiwaveError(DAMAGED.format("its offset has no meaning"))
        if not values:
            return plain
        if header.planes or header.dtype.kind == "b":
            raise AiwaveError(DAMAGED.format("its table of values has no meaning"))
        if header.corrected:
            if len(values) != ERROR.size or not 2 <= ERROR.unpack(values)[0] < MOST:
                raise AiwaveError(DAMAGED.format("its largest error is invalid"))
            return replace(plain, error=ERROR.unpack(values)[0])
        if not header.lossless:
            return plain._scaled(values, 0 if narrow else SCALING.size)
        if narrow:
            limits = np.iinfo(header.dtype)
            return replace(plain, table=values_from_bytes(values, int(limits.min), int(limits.max)))
        return replace(plain, table=table_from_bytes(values, header.dtype))

    def _scaled(self, values: bytes, size: int) -> "Restorer":
        """With a scaling of `size` bytes, or none, and the padding values after it."""
        dtype = self.header.dtype
        count, rest = divmod(len(values) - size, dtype.itemsize)
        if rest or not 0 <= count <= MOST_PADDINGS * self.header.masked:
            raise AiwaveError(DAMAGED.format("its scaling is invalid"))
        paddings = np.frombuffer(values, dtype.newbyteorder("<"), offset=size).astype(dtype)
        if not size:
            return replace(self, paddings=paddings)
        scale, low = SCALING.unpack(values[:size])
        if not (np.isfinite([scale, low]).all() and scale >= SMALLEST_SCALE):
            raise AiwaveError(DAMAGED.format("its scaling is invalid"))
        return replace(self, scale=scale, low=low, paddings=paddings)

    @property
    def deferred(self) -> bool:
        """True if numbers are restored frame by frame."""
        return self.header.planes or bool(self.scale) or self.header.corrected

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of decoded frames."""
        wide = np.uint16 if self.header.planes else np.int32 if self.header.corrected else np.float32
        return np.dtype(wide) if self.deferred else self.header.dtype

    @property
    def step(self) -> float:
        """The quantisation step in units of the voxels."""
        return self.header.step * (self.scale or 1.0)

    def voxels(self, numbers: np.ndarray) -> np.ndarray:
        """Voxels of a tile, in the stored dtype, from its numbers: rounded, and clipped to the type or the table.

        Numbers that are `deferred` stay what they are, uint16 or float32, or are voxels to correct, int32.
        """
        if self.scale:
            return numbers.astype(np.float32)
        rounded, dtype = np.rint(numbers), self.header.dtype
        if self.header.planes:
            return rounded.clip(0, MOST - 1).astype(np.uint16)
        if self.table is not None:
            return self.table[rounded.clip(0, len(self.table) - 1).astype(np.int64)].astype(dtype)
        voxels = to_type(rounded.astype(np.float64) + self.header.offset, dtype)  # float32 cannot hold large offsets
        return voxels.astype(self.dtype)

    def second(self, numbers: np.ndarray) -> np.ndarray:
        """The numbers of a tile of a mask, or of corrections, in the type of what `voxels` gives."""
        return numbers.clip(0, MOST - 1 if self.error else FIRST + MOST_PADDINGS).astype(self.dtype)

    def joined(self, frames: np.ndarray, level: int) -> np.ndarray:
        """The volume (T, D, H, W), without the `level` finest levels, of decoded frames.

        They are its voxels unless they are `deferred` or masked. Previews are not corrected.
        """
        dtype, parts = self.header.dtype, frames.reshape(-1, self.header.frames, *frames.shape[1:])
        if self.header.planes:
            words = np.ascontiguousarray(np.moveaxis(parts, 1, -1)).astype(">u2")
            return from_ordered(words.view(f">u{dtype.itemsize}")[..., 0], dtype)
        if self.error:
            voxels = parts[:, 0] if level else corrected(parts[:, 0], parts[:, 1], self.error)
            return to_type(voxels.astype(np.float64), dtype)
        voxels = self._unscaled(parts[:, 0]) if self.scale else parts[:, 0]
        if self.header.masked:
            assert self.paddings is not None
            unmask(voxels, parts[:, 1], self.paddings)
        return np.ascontiguousarray(voxels)

    def _unscaled(self, numbers: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):  # what overflows is clipped
            half = numbers.astype(np.float64) * (self.scale / 2) + self.low / 2
        values, dtype = 2 * half.clip(-HALF, HALF), self.header.dtype
        return to_type(values if dtype.kind == "f" else np.rint(values), dtype)
