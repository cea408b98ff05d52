"""A stream as bytes: header, metadata, table of values, model, index of tiles, and the tiles' chunks."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

import numpy as np

from ..errors import AiwaveError
from .header import CRC, DAMAGED, FIXED, Header, seed_of
from .metadata import SECTION_LIMIT, Metadata
from .model_file import LARGEST
from .tile_index import WORD, CodedTile, Mode, TileIndex

PLACE = struct.Struct("<III")


@dataclass(frozen=True)
class Stream:
    """An open stream: everything but the chunks is read and checked.

    `seed` is the initial value of its checksums (see `seed_of`), `values` the table of distinct values (as stored) if
    ranks are coded, `model` the embedded model file, `original` the header of the file that was compressed.
    """

    header: Header
    seed: int
    metadata: dict[str, Any]
    original: bytes
    values: bytes
    model: bytes
    index: TileIndex
    starts: np.ndarray
    data: memoryview

    def chunk(self, tile: int, level: int) -> bytes:
        """The chunk of a tile's level, checked. Raises AiwaveError if it is damaged."""
        start, words = int(self.starts[tile, level]), self.index.words[tile]
        chunk = bytes(self.data[start : start + int(words[2 * level])])
        if chunk_crc(self.seed, tile, level, chunk) != words[2 * level + 1]:
            raise AiwaveError(DAMAGED.format(f"the checksum of level {level} of tile {tile} does not fit"))
        return chunk

    def tile(self, tile: int, levels: int) -> CodedTile:
        """A tile, with the chunks of its `levels` coarsest levels. Raises AiwaveError if one is damaged."""
        mode, content = Mode(self.index.modes[tile]), int(self.index.words[tile, -1])
        if mode == Mode.REPEATED:
            if self.header.grid.size_of(tile) != self.header.grid.size_of(content):
                raise AiwaveError(DAMAGED.format(f"tile {tile} repeats one of another size"))
            return self.tile(content, levels)
        needed = {Mode.MODEL: levels, Mode.CONSTANT: 0}.get(mode, 1)
        return CodedTile([self.chunk(tile, k) for k in range(needed)], content, mode)


def chunk_crc(seed: int, tile: int, level: int, chunk: bytes) -> int:
    """CRC-32 of a chunk that also depends on its place and, through `seed_of`, on its stream."""
    return zlib.crc32(chunk, zlib.crc32(PLACE.pack(seed, tile, level)))


def join_segments(segments: Sequence[bytes]) -> bytes:
    """The segments of a level's bands -> its chunk: the lengths of all but the last in LEB128, then the segments."""
    lengths = b"".join(leb128(len(segment)) for segment in segments[:-1])
    return lengths + b"".join(segments)


def split_segments(chunk: bytes, count: int) -> list[bytes]:
    """The inverse of `join_segments`. Raises AiwaveError for anything else."""
    at, lengths = 0, list[int]()
    while len(lengths) < count - 1:
        length, at = read_leb128(chunk, at)
        lengths.append(length)
    ends = list(accumulate(lengths, initial=at))
    if ends[-1] > len(chunk):
        raise AiwaveError(DAMAGED.format("its segments are longer than their chunk"))
    return [chunk[a:b] for a, b in zip(ends, [*ends[1:], len(chunk)], strict=True)]


def leb128(number: int) -> bytes:
    """A number that is not negative: 7 bits per byte, the lowest first; the last byte is below 128."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def read_leb128(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins at `at`, and the place after it. Raises AiwaveError beyond the end, or 35 bits."""
    number = shift = 0
    while True:
        if at >= len(data) or shift > 28:
            raise AiwaveError(DAMAGED.format("a length in it cannot be read"))
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return number, at


def write_stream(header: Header, metadata: Metadata, values: bytes, model: bytes, tiles: Sequence[CodedTile]) -> bytes:
    """The whole stream as bytes; `header` leaves out what tiles and metadata tell."""
    words = np.zeros((len(tiles), 2 * header.levels + 1), WORD)
    words[:, -1] = [tile.content for tile in tiles]
    index = TileIndex(np.array([tile.mode for tile in tiles], np.uint8), words)
    described = metadata.to_bytes()
    header = replace(header, mixed=index.mixed, packed=metadata.packed, version=index.version)
    first = header.to_bytes((len(described), len(values), len(model), len(index.to_bytes())))
    seed = seed_of(first)
    for number, tile in enumerate(tiles):
        for level, chunk in enumerate(tile.chunks):
            words[number, 2 * level : 2 * level + 2] = len(chunk), chunk_crc(seed, number, level, chunk)
    parts = [first]
    for section in (described, values, model, index.to_bytes()):
        parts += [section, CRC.pack(zlib.crc32(section, seed))] if section else []
    return b"".join([*parts, *(chunk for tile in tiles for chunk in tile.chunks)])


def open_stream(data: bytes | memoryview) -> Stream:
    """Read everything but the chunks. Raises AiwaveError, in one sentence, for anything but a complete stream."""
    view = memoryview(data).cast("B")
    header, lengths = Header.from_bytes(view)
    if lengths[0] > SECTION_LIMIT or lengths[1] > SECTION_LIMIT or lengths[2] > LARGEST:
        raise AiwaveError(DAMAGED.format("its header makes no sense"))
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
    index = TileIndex.from_bytes(stored, header)
    lacks_model = not header.needs_model and (model or index.needs_model)
    lossy_voxels = Mode.VOXELS in index.modes and not header.lossless
    if lacks_model or lossy_voxels or index.version != header.version:
        raise AiwaveError(DAMAGED.format("its header makes no sense"))
    sizes = index.sizes
    starts = at + np.cumsum(sizes).reshape(sizes.shape) - sizes
    end = at + int(sizes.sum())
    if end != len(view):
        raise AiwaveError(DAMAGED.format("it is cut short" if end > len(view) else "there is data after its last tile"))
    metadata = Metadata.from_bytes(bytes(described), header.packed)
    return Stream(header, seed, metadata.entries, metadata.original, bytes(values), bytes(model), index, starts, view)
