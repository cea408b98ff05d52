"""The container and the range coder, read by another program: this one follows docs/bitstream.md alone."""

import hashlib
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiwave.api import compress
from aiwave.bitstream.container import join_segments, open_stream, split_segments
from aiwave.bitstream.header import Header
from aiwave.bitstream.metadata import Metadata, dictionary
from aiwave.bitstream.restorer import Restorer
from aiwave.coding.symbol_io import encode_intervals
from aiwave.errors import AiwaveError
from tests.conftest import textured
from tests.files import file_model

SHAPE = (5, 9, 14)


def read(data):
    """Header fields, sections, and the chunks of every tile and level."""
    fields = struct.unpack("<8sHHBBHi4Ii32s4I", data[:88])
    assert struct.unpack("<I", data[88:92])[0] == zlib.crc32(data[:88])
    assert fields[:2] == (b"\x89aiw\r\n\x1a\n", 1)
    seed, at, sections = zlib.crc32(data[:88]), 92, []
    for length in fields[-4:]:
        sections.append(data[at : at + length])
        at += length
        if length:
            assert struct.unpack("<I", data[at : at + 4])[0] == zlib.crc32(sections[-1], seed)
            at += 4
    levels = fields[4]
    rows = np.frombuffer(sections[3], "<u4").reshape(-1, 2 * levels + 1)
    chunks = []
    for tile, row in enumerate(rows.tolist()):
        for level in range(levels):
            length, crc = row[2 * level : 2 * level + 2]
            chunk = data[at : at + length]
            assert zlib.crc32(chunk, zlib.crc32(struct.pack("<III", seed, tile, level))) == crc
            chunks.append(chunk)
            at += length
    assert at == len(data)
    return fields, sections, rows, chunks


def test_the_layout_is_as_described():
    volume = textured(SHAPE, 0).astype(np.int16) - 300
    model = file_model()
    data = compress(volume, model, lossless=True, tile=8, metadata={"a": 1}, embed_model=True, model_only=True)
    fields, sections, rows, chunks = read(data)
    assert fields[1:12] == (1, 1, 3, 2, 8, 0, 1, *SHAPE, int(volume.min()))
    assert fields[12].hex() == model.identity
    assert json.loads(sections[0]) == {"a": 1}
    assert sections[1:3] == [b"", model.data]
    assert len(rows) == 1 * 2 * 2
    stream = open_stream(data)
    assert [stream.chunk(k // 2, k % 2) for k in range(8)] == chunks


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[1] / "data").glob("*.aiw")), ids=lambda path: path.stem)
def test_so_is_that_of_every_kind_of_file(path):
    data = path.read_bytes()
    fields, sections, _, chunks = read(data)
    assert json.loads(sections[0])["model"] == path.stem
    assert sections[2][8:].startswith(b'{"__metadata__":{"aiwave":"{\\"seal\\":\\"')
    assert hashlib.sha256(sections[2]).digest() == fields[12]
    stream, levels = open_stream(data), fields[4]
    assert [stream.chunk(k // levels, k % levels) for k in range(len(chunks))] == chunks


def test_a_model_file_is_as_described():
    """Its header and its seal, without the library."""
    data = file_model("dependent").data
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    described = json.loads(header.pop("__metadata__")["aiwave"])
    seal = described.pop("seal")
    assert hashlib.sha256(data.replace(seal.encode(), b"0" * 64)).hexdigest() == seal
    assert set(described) == {"version", "name", "transform", "post", "step_range", "gain", "entropy", "reversible"}
    assert described["entropy"]["trellis"] == 8
    layers = described["entropy"]["layers"]
    parts = {f"entropy.{layer['name']}.{part}" for layer in layers for part in ("weight", "bias", "shift")}
    tables = {"band", "band_step", "band_head", "prediction", "second_mix", "second_head"}
    stored = {name for name in header if name.startswith("entropy.")}
    assert stored == parts | {f"entropy.{name}" for name in tables}
    assert all(header[name]["dtype"] in ("I8", "I16", "I32", "I64") for name in stored)
    assert all(entry["dtype"] == "F32" for name, entry in header.items() if name not in stored)
    ends = sorted(entry["data_offsets"] for entry in header.values())
    assert [first for first, _ in ends[1:]] == [last for _, last in ends[:-1]]
    assert 8 + length + ends[-1][1] == len(data)


def test_tiles_are_cut_as_described():
    header = open_stream(compress(textured(SHAPE, 0), file_model(), lossless=True, tile=8, model_only=True)).header
    expected = []
    for size in SHAPE:
        parts, units = -(-size // 8), -(-size // 4)
        starts = [min(size, 4 * (units * k // parts)) for k in range(parts)]
        expected.append([slice(a, b) for a, b in zip(starts, [*starts[1:], size], strict=True)])
    boxes = [(z, y, x) for z in expected[0] for y in expected[1] for x in expected[2]]
    assert [tile.box for tile in header.grid.tiles()] == boxes
    assert [tile.number for tile in header.grid.tiles()] == list(range(len(boxes)))


@given(st.lists(st.binary(max_size=300), min_size=8, max_size=8))
def test_segments_survive_their_chunk(segments):
    chunk = join_segments(segments)
    assert split_segments(chunk, 8) == segments
    assert len(chunk) <= sum(map(len, segments)) + 14


class Decoder:
    """The range decoder as described, in Python's integers."""

    def __init__(self, segment):
        self.words = [int.from_bytes(segment[k : k + 4].ljust(4, b"\0"), "big") for k in range(0, len(segment), 4)]
        self.low, self.range, self.point = 0, 2**64 - 1, self.word() << 32 | self.word()

    def word(self):
        return self.words.pop(0) if self.words else 0

    def symbol(self, cumulative):
        scale = self.range >> 24
        quantile = (self.point - self.low) % 2**64 // scale
        found = max(k for k, c in enumerate(cumulative[:-1]) if c <= quantile)
        self.low = (self.low + scale * cumulative[found]) % 2**64
        self.range = scale * (cumulative[found + 1] - cumulative[found])
        if self.range < 2**32:
            self.low, self.range = self.low << 32 & 2**64 - 1, self.range << 32
            self.point = (self.point << 32 | self.word()) & 2**64 - 1
        return found


@given(
    cuts=st.lists(st.integers(1, 2**24 - 1), min_size=2, max_size=14, unique=True),
    picks=st.lists(st.integers(0, 10**6), max_size=60),
)
def test_the_range_coder_is_as_described(cuts, picks):
    cumulative = [0, *sorted(cuts), 2**24]
    symbols = [pick % (len(cumulative) - 1) for pick in picks]
    left = np.array([cumulative[k] for k in symbols], np.int64)
    frequency = np.array([cumulative[k + 1] - cumulative[k] for k in symbols], np.int64)
    decoder = Decoder(encode_intervals(left, frequency))
    assert [decoder.symbol(cumulative) for _ in symbols] == symbols


@pytest.mark.parametrize(
    ("entries", "words"),
    [(b'{"a":"\\ud800"}', "cannot be read"), (b'{"a":[' + b"{}," * 400_000 + b"0]}", "too long")],
)
def test_metadata_that_cannot_be_shown_or_takes_much_memory_is_refused(entries, words):
    engine = zlib.compressobj(9, wbits=-zlib.MAX_WBITS, zdict=dictionary())
    with pytest.raises(AiwaveError, match=words):
        Metadata.from_bytes(engine.compress(entries) + engine.flush(), packed=True)


def test_max_error_is_an_entry_of_the_encoder():
    with pytest.raises(AiwaveError, match="only the encoder writes"):
        compress(textured(SHAPE, 0), file_model(), lossless=True, metadata={"max_error": 3})


@pytest.mark.parametrize(
    ("fields", "values"),
    [
        ({"dtype": "float32", "masked": True, "shape": (2, 5, 6, 7)}, b""),
        ({"dtype": "int16", "corrected": True, "shape": (2, 5, 6, 7)}, b""),
        ({"dtype": "int16", "corrected": True, "shape": (2, 5, 6, 7)}, struct.pack("<I", 1)),
        ({"dtype": "int16", "masked": True, "shape": (2, 5, 6, 7)}, b"x"),
        ({"dtype": "int16", "masked": True, "shape": (2, 5, 6, 7)}, bytes(10)),
        ({"dtype": "float32", "masked": True, "shape": (2, 5, 6, 7)}, struct.pack("<2df", 0, 0, 1)),
        ({"dtype": "int32", "planes": True, "lossless": True, "shape": (2, 5, 6, 7)}, b"x"),
        ({"dtype": "bool"}, struct.pack("<2d", 1, 0)),
        ({"dtype": "int32", "offset": 3}, struct.pack("<2d", 1, 0)),
        ({"dtype": "int32"}, struct.pack("<2d", 0, 0)),
        ({"dtype": "int32"}, struct.pack("<2d", np.nan, 0)),
        ({"dtype": "int64", "lossless": True}, zlib.compress(np.full((8, 2), 255, np.uint8).tobytes())),
    ],
)
def test_values_that_make_no_sense_are_refused(fields, values):
    given = {"shape": (1, 5, 6, 7), "lossless": False, "offset": 0} | fields
    header = Header(
        np.dtype(given.pop("dtype")), is_series=False, levels=2, side=8, log_step=0, identity=bytes(32), **given
    )
    with pytest.raises(AiwaveError, match="The file is damaged"):
        Restorer.of(header, values)
