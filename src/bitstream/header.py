"""Header of a stream: the fixed fields, and the lengths of the sections."""

import math
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..coding.constants import LOG_STEP_FRACTION, LOG_STEP_LIMIT
from ..errors import AiwaveError
from .grid import Grid

MAGIC = b"\x89aiw\r\n\x1a\n"
VERSION = 1
BEFORE = b"\x89AIW\r\n\x1a\n"
"""The magic of files written before version 1."""

FIXED = struct.Struct("<8sHHBBHi4Ii32s4I")
IDENTITY_BYTES = 32
CRC = struct.Struct("<I")
DTYPES = tuple(np.dtype(name) for name in ("uint8", "int8", "uint16", "int16"))
LOSSLESS, SERIES, MIXED, PACKED = 1, 2, 4, 8
SIDE_LIMIT = 1 << 24
"""Most voxels along an axis."""

TILE_LIMIT = 1 << 27
"""Most voxels of a tile."""

DAMAGED = "The file is damaged: {}."


@dataclass(frozen=True)
class Header:
    """The header of a stream. `shape` is (T, D, H, W), T = 1 for a volume; `offset` is added to decoded values.

    `log_step` is ln(step) in units of 2**-8, 0 if `lossless`. `identity` is the SHA-256 of the model file, zeros if no
    tile needs it. `mixed` is true if the index has modes (see `TileIndex`), `packed` if the metadata is deflated (see
    `Metadata`).
    """

    dtype: np.dtype[Any]
    shape: tuple[int, int, int, int]
    is_series: bool
    lossless: bool
    levels: int
    side: int
    log_step: int
    offset: int
    identity: bytes
    mixed: bool = False
    packed: bool = False

    @property
    def grid(self) -> Grid:
        """Grid of the tiles."""
        return Grid(self.shape, self.side, self.levels)

    @property
    def needs_model(self) -> bool:
        """True if some tile needs the model."""
        return any(self.identity)

    @property
    def step(self) -> float:
        """The quantisation step, in units of the voxels."""
        return math.exp(self.log_step / 2**LOG_STEP_FRACTION)

    def to_bytes(self, sections: tuple[int, int, int, int]) -> bytes:
        """The header as bytes, with the lengths of metadata, values, model and index, and a checksum."""
        flags = LOSSLESS * self.lossless | SERIES * self.is_series | MIXED * self.mixed | PACKED * self.packed
        fixed = FIXED.pack(
            MAGIC,
            VERSION,
            flags,
            DTYPES.index(self.dtype),
            self.levels,
            self.side,
            self.log_step,
            *self.shape,
            self.offset,
            self.identity,
            *sections,
        )
        return fixed + CRC.pack(zlib.crc32(fixed))

    @classmethod
    def from_bytes(cls, data: memoryview) -> tuple["Header", tuple[int, int, int, int]]:
        """The header at the beginning of `data`, and the lengths of the sections.

        Raises AiwaveError if `data` is not an .aiw stream, has another version, or is damaged.
        """
        if bytes(data[: len(BEFORE)]) == BEFORE:
            raise AiwaveError(
                "The file was written before version 1 of the .aiw format: compress the volume again, or decompress "
                "the file with commit 6ce39fe of this program."
            )
        if bytes(data[: len(MAGIC)]) != MAGIC[: len(data)] or not len(data):
            raise AiwaveError("This is not an .aiw file: give one that aiwave compress wrote.")
        if len(data) < FIXED.size + CRC.size:
            raise AiwaveError(DAMAGED.format("its header is cut short"))
        _, version, flags, dtype, levels, side, log_step, *rest = FIXED.unpack(data[: FIXED.size])
        crc = CRC.unpack(data[FIXED.size : FIXED.size + CRC.size])[0]
        if crc != zlib.crc32(data[: FIXED.size]):
            raise AiwaveError(DAMAGED.format("the checksum of its header does not fit"))
        if version != VERSION:
            raise AiwaveError(
                f"The file has version {version}, this program reads version {VERSION}: update the program."
            )
        shape, offset, identity, sections = tuple(rest[:4]), rest[4], rest[5], tuple(rest[6:])
        sound = (
            flags <= (LOSSLESS | SERIES | MIXED | PACKED)
            and dtype < len(DTYPES)
            and 1 <= levels <= 5
            and side > 0
            and side % (1 << levels) == 0
            and abs(log_step) <= LOG_STEP_LIMIT
            and all(1 <= size <= SIDE_LIMIT for size in shape)
            and Grid(shape, side, levels).largest <= TILE_LIMIT  # type: ignore[arg-type]
            and (shape[0] == 1 or bool(flags & SERIES))
            and not (flags & LOSSLESS and log_step)
            and abs(offset) < 1 << 16
        )
        if not sound:
            raise AiwaveError(DAMAGED.format("its header makes no sense"))
        header = cls(
            DTYPES[dtype],
            shape,  # type: ignore[arg-type]
            bool(flags & SERIES),
            bool(flags & LOSSLESS),
            levels,
            side,
            log_step,
            offset,
            identity,
            bool(flags & MIXED),
            bool(flags & PACKED),
        )
        return header, sections  # type: ignore[return-value]


def seed_of(first: bytes | memoryview) -> int:
    """Initial value of the checksums of sections and chunks, which ties them to this header: its CRC-32."""
    return zlib.crc32(first[: FIXED.size])
