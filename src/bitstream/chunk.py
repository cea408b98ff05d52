"""Chunks of array stores: a stream whose header is short, or the value of a constant chunk.

A store has the model once, for all chunks, and so do its readers. What a header says is the same, in fewer bytes: the
rest of the stream follows as it is.
"""

import math
import struct
import zlib
from collections.abc import Sequence

import numpy as np

from ..errors import AiwaveError
from .container import leb128, read_leb128
from .header import CRC, DAMAGED, DTYPES, FIXED, IDENTITY_BYTES, LATEST, MAGIC, SIDE_LIMIT, VERSION

CONSTANT = 0
"""Kind of a chunk of one value, in the first byte."""

KINDS = {1: (VERSION, False), 2: (VERSION, True), 3: (LATEST, True), 4: (LATEST, False)}
"""The other kinds: the version of the stream, and whether it needs the model."""

MOST_VOXELS = 1 << 48
"""Most voxels of a constant chunk: NumPy cannot count many more bytes."""

FIELDS = struct.Struct("<HBB")
"""Flags, type and levels, as in the header of a stream."""


def short_form(stream: bytes) -> bytes:
    """A complete stream as a chunk: kind, flags, type, levels; numbers in LEB128; a checksum; the rest of the stream.

    The numbers are the side of tiles, ln(step) and the offset, both zigzag-coded, the four sizes and the lengths of the
    four sections. The checksum is that of the stream's header, to which the identity of its model belongs.
    """
    _, version, flags, dtype, levels, side, log_step, *rest = FIXED.unpack(stream[: FIXED.size])
    shape, offset, identity, sections = rest[:4], rest[4], rest[5], rest[6:]
    kind = next(kind for kind, facts in KINDS.items() if facts == (version, any(identity)))
    numbers = [side, _zigzag(log_step), _zigzag(offset), *shape, *sections]
    head = bytes([kind]) + FIELDS.pack(flags, dtype, levels) + b"".join(map(leb128, numbers))
    return head + stream[FIXED.size :]


def whole_form(chunk: bytes, identity: str) -> bytes:
    """The inverse of `short_form`, with the SHA-256 of the model in hexadecimal.

    Raises AiwaveError for a chunk that is no such stream, or has another model.
    """
    try:
        flags, dtype, levels = FIELDS.unpack_from(chunk, 1)
        at, numbers = 1 + FIELDS.size, list[int]()
        while len(numbers) < 11:
            number, at = read_leb128(chunk, at)
            numbers.append(number)
        side, log_step, offset, *rest = numbers
        version, needs_model = KINDS[chunk[0]]
        of_model = bytes.fromhex(identity) if needs_model else bytes(IDENTITY_BYTES)
        signed = _unzigzag(log_step), _unzigzag(offset)
        fixed = FIXED.pack(
            MAGIC, version, flags, dtype, levels, side, signed[0], *rest[:4], signed[1], of_model, *rest[4:]
        )
    except (struct.error, IndexError, KeyError) as error:
        raise AiwaveError(DAMAGED.format("a chunk's header is cut short or makes no sense")) from error
    if chunk[at : at + CRC.size] != CRC.pack(zlib.crc32(fixed)):
        raise AiwaveError(DAMAGED.format("the checksum of a chunk's header does not fit, or its model is another"))
    return fixed + chunk[at:]


def constant_chunk(volume: np.ndarray) -> bytes | None:
    """The chunk of a volume (D, H, W) or series (T, D, H, W) whose values are all the same, bit for bit, else None.

    Kind and type, the number of axes and their sizes, the value in little-endian order, and a CRC-32 of all that.
    """
    plain = np.ascontiguousarray(volume)
    first, raw = plain.reshape(-1)[:1], plain.reshape(-1, 1).view(np.uint8)
    if (raw != raw[0]).any():
        return None
    sizes = b"".join(leb128(size) for size in plain.shape)
    value = first.astype(plain.dtype.newbyteorder("<")).tobytes()
    head = bytes([CONSTANT, DTYPES.index(plain.dtype), plain.ndim]) + sizes + value
    return head + CRC.pack(zlib.crc32(head))


def constant_volume(chunk: bytes) -> np.ndarray:
    """The inverse of `constant_chunk`, in the memory of one value. Raises AiwaveError if the chunk is damaged."""
    head, at, sizes = chunk[: -CRC.size], 3, list[int]()
    try:
        dtype = np.dtype(DTYPES[chunk[1]])
        while len(sizes) < chunk[2]:
            size, at = read_leb128(chunk, at)
            sizes.append(size)
    except IndexError as error:
        raise AiwaveError(DAMAGED.format("a constant chunk is cut short or makes no sense")) from error
    fits = len(sizes) in (3, 4) and all(0 < size <= SIDE_LIMIT for size in sizes) and math.prod(sizes) <= MOST_VOXELS
    if chunk[-CRC.size :] != CRC.pack(zlib.crc32(head)) or len(head) != at + dtype.itemsize or not fits:
        raise AiwaveError(DAMAGED.format("a constant chunk is cut short or makes no sense"))
    if dtype.kind == "b" and head[at] > 1:
        raise AiwaveError(DAMAGED.format("a constant chunk has a truth value beyond 1"))
    value = np.frombuffer(head, dtype.newbyteorder("<"), offset=at).astype(dtype)
    return np.broadcast_to(value.reshape(()), sizes)


def is_constant(chunk: Sequence[int]) -> bool:
    """True for the chunk of one value."""
    return len(chunk) > 0 and chunk[0] == CONSTANT


def _zigzag(number: int) -> int:
    return 2 * number if number >= 0 else -2 * number - 1


def _unzigzag(number: int) -> int:
    return number >> 1 if not number & 1 else -(number >> 1) - 1
