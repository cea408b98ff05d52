"""Header of a stream: the fixed fields, and the lengths of the sections."""

import math
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..coding.constants import LOG_STEP_FRACTION, LOG_STEP_LIMIT
from ..errors import AiwaveError
from .grid import Box, Grid

MAGIC = b"\x89aiw\r\n\x1a\n"
VERSION, LATEST = 1, 2
"""The version of streams, and of those with tiles of the modes that came later (see `TileIndex.version`)."""

BEFORE = b"\x89AIW\r\n\x1a\n"
"""The magic of files written before version 1."""

FIXED = struct.Struct("<8sHHBBHi4Ii32s4I")
IDENTITY_BYTES = 32
CRC = struct.Struct("<I")
NARROW = tuple(np.dtype(name) for name in ("uint8", "int8", "uint16", "int16"))
"""Types whose voxels models code as they are."""

WIDE = ("bool", "uint32", "int32", "uint64", "int64", "float16", "float32", "float64")
DTYPES = (*NARROW, *(np.dtype(name) for name in WIDE))
LOSSLESS, SERIES, MIXED, PACKED, PLANES, MASKED, CORRECTED, CLAMPED = 1, 2, 4, 8, 16, 32, 64, 128
FIRST_BIT = 8
"""Position in the flags of the number of the axis that comes first, two bits."""

SIDE_LIMIT = 1 << 24
"""Most voxels along an axis."""

TILE_LIMIT = 1 << 27
"""Most voxels of a tile."""

DAMAGED = "The file is damaged: {}."


@dataclass(frozen=True)
class Header:
    """The header of a stream. `shape` is (T, D, H, W) in frames of numbers; `offset` is added to decoded numbers.

    Of the axes of the volume, z, y, x, number `first` comes first in a frame, the others in their order.

    `log_step` is ln(step) in units of 2**-8, 0 if `lossless`. `identity` is the SHA-256 of the model file, zeros if no
    tile needs it. `mixed` is true if the index has modes (see `TileIndex`), `packed` if the metadata is deflated (see
    `Metadata`), `planes`, `masked` and `corrected` if a volume has several frames of numbers (see
    `voxel_types.Source`), `clamped` if the model knows another step (see `TileCodec.known_log_step`).
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
    planes: bool = False
    masked: bool = False
    corrected: bool = False
    clamped: bool = False
    first: int = 0
    version: int = VERSION

    @property
    def paired(self) -> bool:
        """True if every other frame of numbers is a mask or has corrections."""
        return self.masked or self.corrected

    @property
    def frames(self) -> int:
        """Frames of numbers for each volume."""
        return self.dtype.itemsize // 2 if self.planes else 2 if self.paired else 1

    @property
    def volume_shape(self) -> tuple[int, ...]:
        """Shape of the decoded array: (D, H, W), or (T, D, H, W) for a series."""
        frames, depth, *rest = self.shape
        rest.insert(self.first, depth)
        return (frames // self.frames, *rest) if self.is_series else tuple(rest)

    def coded(self, box: Box) -> Box:
        """A box of a series in the order of the volume's axes, in that of the coded ones."""
        frames, *rest = box
        return frames, rest.pop(self.first), *rest  # type: ignore[return-value]

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
        flags |= PLANES * self.planes | MASKED * self.masked | CORRECTED * self.corrected | CLAMPED * self.clamped
        flags |= self.first << FIRST_BIT
        fixed = FIXED.pack(
            MAGIC,
            self.version,
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
        _, version, flags, dtype, levels, side, log_step, *rest = _fields_of(data)
        shape, offset, identity, sections = tuple(rest[:4]), rest[4], rest[5], tuple(rest[6:])
        if not _is_sound(flags, dtype, levels, side, log_step, shape, offset):
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
            bool(flags & PLANES),
            bool(flags & MASKED),
            bool(flags & CORRECTED),
            bool(flags & CLAMPED),
            flags >> FIRST_BIT,
            version,
        )
        if shape[0] % header.frames or (shape[0] > header.frames and not header.is_series):
            raise AiwaveError(DAMAGED.format("its header makes no sense"))
        return header, sections  # type: ignore[return-value]


def _fields_of(data: memoryview) -> tuple[Any, ...]:
    """The fixed fields at the beginning of a stream. Raises AiwaveError as `Header.from_bytes` does."""
    if bytes(data[: len(BEFORE)]) == BEFORE:
        raise AiwaveError(
            "The file was written before version 1 of the .aiw format: compress the volume again, or decompress "
            "the file with commit 6ce39fe of this program."
        )
    if bytes(data[: len(MAGIC)]) != MAGIC[: len(data)] or not len(data):
        raise AiwaveError("This is not an .aiw file: give one that aiwave compress wrote.")
    if len(data) < FIXED.size + CRC.size:
        raise AiwaveError(DAMAGED.format("its header is cut short"))
    fixed = data[: FIXED.size]
    crc = CRC.unpack(data[FIXED.size : FIXED.size + CRC.size])[0]
    if crc != zlib.crc32(fixed):
        raise AiwaveError(DAMAGED.format("the checksum of its header does not fit"))
    fields = FIXED.unpack(fixed)
    if (version := fields[1]) not in (VERSION, LATEST):
        raise AiwaveError(
            f"The file has version {version}, this program reads versions {VERSION} and {LATEST}: update the program."
        )
    return fields


def _is_sound(
    flags: int, dtype: int, levels: int, side: int, log_step: int, shape: tuple[int, ...], offset: int
) -> bool:
    """True if the fields of a header have a meaning, each and together."""
    return bool(
        flags >> FIRST_BIT in (0, 1, 2)
        and dtype < len(DTYPES)
        and 1 <= levels <= 5
        and side > 0
        and side % (1 << levels) == 0
        and abs(log_step) <= LOG_STEP_LIMIT
        and all(1 <= size <= SIDE_LIMIT for size in shape)
        and Grid(shape, side, levels).largest <= TILE_LIMIT  # type: ignore[arg-type]
        and not (flags & LOSSLESS and (log_step or flags & CLAMPED))
        and (abs(offset) < 1 << 16 or dtype >= len(NARROW))
        and (not flags & PLANES or (flags & LOSSLESS and DTYPES[dtype].itemsize > 1))
        and (not flags & MASKED or (not flags & LOSSLESS and DTYPES[dtype].kind != "b"))
        and (not flags & CORRECTED or (not flags & (LOSSLESS | MASKED) and dtype < len(NARROW)))
    )


def seed_of(first: bytes | memoryview) -> int:
    """Initial value of the checksums of sections and chunks, which ties them to this header: its CRC-32."""
    return zlib.crc32(first[: FIXED.size])
