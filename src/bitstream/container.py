"""A stream as bytes: header, metadata, table of values, model, index of tiles, and the tiles' chunks."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from ..errors import AiwaveError
from .header import CRC, DAMAGED, FIXED, METADATA_LIMIT, Header, metadata_from_bytes, metadata_to_bytes, seed_of

MODEL_LIMIT = 1 << 30
WORD = np.dtype("<u4")
PLACE = struct.Struct("<III")


@dataclass(frozen=True)
class CodedTile:
    """A chunk per level, from coarse to fine, and the checksum of the decoded tile (see `TileCodec.content`)."""

    chunks: Sequence[bytes]
    content: int


@dataclass(frozen=True)
class Stream:
    """An open stream: everything but the chunks is read and checked.

    `seed` is the initial value of its checksums (see `seed_of`), `values` the table of distinct values (as stored) if
    ranks are coded, `model` the embedded model file.
    """

    header: Header
    seed: int
    metadata: dict[str, Any]
    values: bytes
    model: bytes
    index: np.ndarray
    starts: np.ndarray
    data: memoryview

    def chunk(self, tile: int, level: int) -> bytes:
        """The chunk of a tile's level, checked. Raises AiwaveError if it is damaged."""
        start = int(self.starts[tile, level])
        chunk = bytes(self.data[start : start + int(self.index[tile, 2 * level])])
        if chunk_crc(self.seed, tile, level, chunk) != self.index[tile, 2 * level + 1]:
            raise AiwaveError(DAMAGED.format(f"the checksum of level {level} of tile {tile} does not fit"))
        return chunk

    def content(self, tile: int) -> int:
        """Checksum of the decoded tile."""
        return int(self.index[tile, -1])


def chunk_crc(seed: int, tile: int, level: int, chunk: bytes) -> int:
    """CRC-32 of a chunk that also depends on its place and, through `seed_of`, on its stream."""
    return zlib.crc32(chunk, zlib.crc32(PLACE.pack(seed, tile, level)))


def join_segments(segments: Sequence[bytes]) -> bytes:
    """The segments of a level's bands -> its chunk: the lengths of all but the last in LEB128, then the segments."""
    lengths = b"".join(_leb128(len(segment)) for segment in segments[:-1])
    return lengths + b"".join(segments)


def split_segments(chunk: bytes, count: int) -> list[bytes]:
    """The inverse of `join_segments`. Raises AiwaveError for anything else."""
    at, lengths = 0, []
    for _ in range(count - 1):
        length = shift = 0
        while True:
            if at >= len(chunk) or shift > 28:
                raise AiwaveError(DAMAGED.format("the lengths of its segments cannot be read"))
            byte = chunk[at]
            at += 1
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        lengths.append(length)
    ends = list(accumulate(lengths, initial=at))
    if ends[-1] > len(chunk):
        raise AiwaveError(DAMAGED.format("its segments are longer than their chunk"))
    return [chunk[a:b] for a, b in zip(ends, [*ends[1:], len(chunk)], strict=True)]


def _leb128(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def write_stream(
    header: Header, metadata: dict[str, Any], values: bytes, model: bytes, tiles: Sequence[CodedTile]
) -> bytes:
    """The whole stream as bytes."""
    index = np.zeros((len(tiles), 2 * header.levels + 1), WORD)
    described = metadata_to_bytes(metadata)
    first = header.to_bytes((len(described), len(values), len(model), index.nbytes))
    seed = seed_of(first)
    for number, tile in enumerate(tiles):
        for level, chunk in enumerate(tile.chunks):
            index[number, 2 * level : 2 * level + 2] = len(chunk), chunk_crc(seed, number, level, chunk)
        index[number, -1] = tile.content
    parts = [first]
    for section in (described, values, model, index.tobytes()):
        parts += [section, CRC.pack(zlib.crc32(section, seed))] if section else []
    return b"".join([*parts, *(chunk for tile in tiles for chunk in tile.chunks)])


def open_stream(data: bytes | memoryview) -> Stream:
    """Read everything but the chunks. Raises AiwaveError, in one sentence, for anything but a complete stream."""
    view = memoryview(data).cast("B")
    header, lengths = Header.from_bytes(view)
    tiles, words = header.grid.count, 2 * header.levels + 1
    if lengths[0] > METADATA_LIMIT or lengths[1] > METADATA_LIMIT or lengths[2] > MODEL_LIMIT:
        raise AiwaveError(DAMAGED.format("its header makes no sense"))
    if lengths[3] != tiles * words * WORD.itemsize:
        raise AiwaveError(DAMAGED.format("its index does not fit its shape"))
    at, sections = FIXED.size + CRC.size, []
    seed = seed_of(view)
    for length in lengths:
        end = at + length
        if end + (CRC.size if length else 0) > len(view):
            raise AiwaveError(DAMAGED.format("it is cut short"))
        sections.append(view[at:end])
        at = end
        if length:
            if zlib.crc32(sections[-1], seed) != CRC.unpack(view[end : end + CRC.size])[0]:
                raise AiwaveError(DAMAGED.format("the checksum of a section does not fit"))
            at += CRC.size
    described, values, model, stored = sections
    index = np.frombuffer(stored, WORD).reshape(tiles, words)
    sizes = index[:, 0:-1:2].astype(np.int64)
    starts = at + np.cumsum(sizes).reshape(sizes.shape) - sizes
    end = at + int(sizes.sum())
    if end != len(view):
        raise AiwaveError(DAMAGED.format("it is cut short" if end > len(view) else "there is data after its last tile"))
    return Stream(header, seed, metadata_from_bytes(bytes(described)), bytes(values), bytes(model), index, starts, view)
