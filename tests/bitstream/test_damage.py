"""Streams that are damaged, foreign or absurd: one clear error each, and soon."""

import struct
import time
import zlib
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwave.api import compress, decompress
from aiwave.bitstream import Model, info
from aiwave.bitstream.container import chunk_crc
from aiwave.bitstream.header import FIXED
from aiwave.bitstream.model_file import pack, unpack
from aiwave.errors import AiwaveError
from tests.conftest import textured
from tests.files import file_model, noise

VOLUME = textured((5, 6, 9), 0)
HEADER = FIXED.size + 4


@cache
def stream(kind):
    if kind == "embedded":
        return compress(VOLUME, file_model(), lossless=True, embed_model=True, metadata={"a": 1}, model_only=True)
    if kind == "tiles":
        return compress(VOLUME, file_model(), lossless=True, tile=4, model_only=True)
    if kind == "packed":
        return compress(np.array([0, 7, 60000], "uint16")[VOLUME % 3], file_model(), lossless=True, model_only=True)
    if kind == "voxels":
        return compress(VOLUME, file_model("voxels"), lossless=True, tile=8, model_only=True)
    return compress(VOLUME, file_model("plain"), step=2.0, metadata={"a": [1, "µ"]}, model_only=True)


def opened(data, kind):
    """The decoded volume or None for an AiwaveError in one sentence; anything else fails."""
    name = {"lossy": "plain", "voxels": "voxels"}.get(kind, "lossless")
    model = None if kind == "embedded" else file_model(name)
    started, volume, said = time.monotonic(), None, "."
    try:
        volume = decompress(data, model=model)
    except AiwaveError as error:
        said = str(error)
    assert said.endswith(".")
    assert "\n" not in said
    assert time.monotonic() - started < 20
    return volume


KINDS = ["lossy", "tiles", "packed", "embedded", "voxels"]

ALL = pytest.param("tiles", 1, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("kind", "every"), [("lossy", 1), ("tiles", 5), ("packed", 1), ("embedded", 11), ("voxels", 3), ALL]
)
def test_flipped_bytes_are_noticed(kind, every):
    data = stream(kind)
    assert opened(data, kind) is not None
    for at in range(0, len(data), every):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        assert opened(bytes(changed), kind) is None, at


@pytest.mark.parametrize("kind", KINDS)
def test_every_truncation_and_anything_appended_is_noticed(kind):
    data = stream(kind)
    for end in range(0, len(data), 1 if kind != "embedded" else 13):
        assert opened(data[:end], kind) is None, end
    assert opened(data + b"\0", kind) is None
    assert opened(data + data, kind) is None


@st.composite
def mutated(draw, data):
    """A stream with bytes changed, cut out, repeated or exchanged; the header's checksum may be mended."""
    out = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        a = (
            draw(st.integers(0, len(out) - 1))
            if draw(st.booleans())
            else draw(st.integers(0, min(HEADER, len(out) - 1)))
        )
        b = min(len(out), a + draw(st.integers(1, 40)))
        match draw(st.sampled_from(["set", "cut", "repeat", "move"])):
            case "set":
                out[a:b] = draw(st.binary(min_size=b - a, max_size=b - a))
            case "cut":
                del out[a:b]
            case "repeat":
                out[a:a] = out[a:b]
            case "move":
                part = out[a:b]
                del out[a:b]
                at = draw(st.integers(0, len(out)))
                out[at:at] = part
        if not out:
            break
    if draw(st.booleans()) and len(out) >= HEADER:
        out[FIXED.size : HEADER] = struct.pack("<I", zlib.crc32(out[: FIXED.size]))
    return bytes(out)


def _fuzz(kind, data):
    changed = data.draw(mutated(stream(kind)))
    volume = opened(changed, kind)
    if volume is not None and changed != stream(kind):
        # even a header whose checksum was mended does not fit the sections
        raise AssertionError(f"a changed stream was decoded: {changed!r}")


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(max_examples=75)
def test_mutated_streams_are_refused(kind, data):
    _fuzz(kind, data)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(max_examples=800)
def test_many_mutated_streams_are_refused(kind, data):
    _fuzz(kind, data)


def test_exchanged_chunks_are_noticed():
    volume = np.tile(noise((4, 4, 4)), (1, 1, 2))
    volume[0, 0, 0] ^= 1
    data = compress(volume, file_model(), lossless=True, tile=4, model_only=True)
    index = np.frombuffer(data[HEADER : HEADER + 2 * 5 * 4], "<u4").reshape(2, 5)
    sizes = index[:, 0:4:2].sum(axis=1)
    start = len(data) - int(sizes.sum())
    exchanged = data[:start] + data[start + sizes[0] :] + data[start : start + sizes[0]]
    assert exchanged != data
    assert opened(exchanged, "tiles") is None


def fixed_with(data, **fields):
    """The header of a stream without its checksum, saying something else."""
    names = ("magic", "version", "flags", "dtype", "levels", "side", "log_step", "t", "d", "h", "w", "offset", "model")
    names += ("metadata_bytes", "values_bytes", "model_bytes", "index_bytes")
    values = dict(zip(names, FIXED.unpack(data[: FIXED.size]), strict=True)) | fields
    return FIXED.pack(*values.values())


def rewritten(data, **fields):
    """A stream whose header says something else, with a checksum that fits."""
    fixed = fixed_with(data, **fields)
    return fixed + struct.pack("<I", zlib.crc32(fixed)) + data[HEADER:]


def forged(original, fixed):
    """A stream with another header of 88 bytes, and with all checksums made to fit that."""
    levels, *lengths = (FIXED.unpack(original[: FIXED.size])[k] for k in (4, -4, -3, -2, -1))
    seed, at, starts = zlib.crc32(fixed), HEADER, []
    out = bytearray(fixed + struct.pack("<I", seed) + original[HEADER:])
    for length in lengths:
        starts.append(at)
        at += length + 4 * bool(length)
    index = np.frombuffer(original, "<u4", lengths[3] // 4, starts[3]).reshape(-1, 2 * levels + 1).copy()
    for tile, row in enumerate(index):
        for level in range(levels):
            end = at + int(row[2 * level])
            row[2 * level + 1] = chunk_crc(seed, tile, level, bytes(out[at:end]))
            at = end
    out[starts[3] : starts[3] + lengths[3]] = index.tobytes()
    for start, length in zip(starts, lengths, strict=True):
        if length:
            out[start + length : start + length + 4] = struct.pack("<I", zlib.crc32(out[start : start + length], seed))
    return bytes(out)


def test_a_stream_forged_without_a_change_is_the_stream():
    for kind in ("lossy", "tiles", "packed", "embedded"):
        assert forged(stream(kind), stream(kind)[: FIXED.size]) == stream(kind)


@pytest.mark.parametrize("kind", ["lossy", "tiles", "packed"])
@given(changes=st.dictionaries(st.integers(8, 39), st.integers(0, 255), min_size=1, max_size=3))
@settings(max_examples=75)
def test_forged_headers_are_refused_or_decode_to_what_they_say(kind, changes):
    fixed = bytearray(stream(kind)[: FIXED.size])
    for at, value in changes.items():
        fixed[at] = value
    data = forged(stream(kind), bytes(fixed))
    volume = opened(data, kind)
    if volume is not None:
        said = info(data)
        assert (list(volume.shape), volume.dtype.name) == (said["shape"], said["dtype"])


ABSURD = [
    {"d": 2**32 - 1, "h": 2**32 - 1, "w": 2**32 - 1},
    {"d": 2000, "h": 2000, "w": 2000, "side": 2048},
    {"d": 0},
    {"t": 2},
    {"side": 0},
    {"side": 6},
    {"levels": 0},
    {"levels": 200},
    {"dtype": 12},
    {"flags": 64},
    {"flags": 16},
    {"flags": 32},
    {"flags": 129, "log_step": 0},
    {"flags": 768},
    {"flags": 1024},
    {"log_step": 2**31 - 1},
    {"offset": -(2**31)},
    {"model_bytes": 2**32 - 1},
    {"metadata_bytes": 2**32 - 1},
]
UNFIT = [
    {"d": 2**16, "side": 2**16 - 4},
    {"d": 2**24, "h": 2**24, "w": 2**24},
    {"t": 2**24, "flags": 3},
]


@pytest.mark.parametrize(
    ("fields", "words"),
    [(fields, "its header makes no sense") for fields in ABSURD]
    + [(fields, "its index does not fit its shape") for fields in UNFIT]
    + [({"index_bytes": 2**32 - 1}, "it is cut short")],
    ids=str,
)
def test_absurd_headers_are_refused_before_anything_is_allocated(fields, words):
    data = forged(stream("tiles"), fixed_with(stream("tiles"), **fields))
    started = time.monotonic()
    assert opened(data, "tiles") is None
    with pytest.raises(AiwaveError, match=words):
        info(data)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("fields", [{"flags": 0}, {"offset": 1}, {"dtype": 1}, {"log_step": 1, "flags": 0}], ids=str)
def test_a_header_with_a_mended_checksum_does_not_fit_the_rest(fields):
    with pytest.raises(AiwaveError, match="the checksum of a section does not fit"):
        info(rewritten(stream("tiles"), **fields))


def test_other_versions_and_other_files_are_told_apart():
    for version in (0, 3, 65535):
        with pytest.raises(AiwaveError, match=f"version {version}, this program reads versions 1 and 2: update"):
            decompress(rewritten(stream("tiles"), version=version))
    with pytest.raises(AiwaveError, match="its header makes no sense"):
        info(forged(stream("tiles"), fixed_with(stream("tiles"), version=2)))  # without tiles of that version
    for version in (1, 2, 3):
        before = rewritten(stream("tiles"), magic=b"\x89AIW\r\n\x1a\n", version=version)
        with pytest.raises(AiwaveError, match=r"before version 1 of the \.aiw format: .* commit 6ce39fe"):
            decompress(before)
    for other in (b"", b"PK\x03\x04" + bytes(200), b"\x89aiw", bytes(1000)):
        with pytest.raises(AiwaveError, match=r"not an \.aiw file|cut short"):
            decompress(other)


def test_the_wrong_model_and_a_missing_one_are_named():
    with pytest.raises(AiwaveError, match="needs its model"):
        decompress(stream("tiles"))
    with pytest.raises(AiwaveError, match="not with plain"):
        decompress(stream("tiles"), model=file_model("plain"))
    named = compress(VOLUME, file_model(), lossless=True, metadata={"model": "tiny"}, model_only=True)
    with pytest.raises(AiwaveError, match="'tiny'"):
        decompress(named)


def test_voxels_that_a_network_gets_wrong_are_noticed(monkeypatch):
    model = file_model("learned")
    data, inverse = compress(VOLUME, model, lossless=True, model_only=True), model.engine.inverse
    monkeypatch.setattr(model.engine, "inverse", lambda *args: inverse(*args) ^ 1)
    with pytest.raises(AiwaveError, match="does not decode to the encoded voxels"):
        decompress(data, model=model)


def test_a_model_whose_parts_are_exchanged_is_refused():
    described, arrays = unpack(file_model("learned").data)
    with pytest.raises(AiwaveError, match="its description is invalid"):
        Model.from_bytes(pack(described | {"entropy": described["reversible"]}, arrays))
    other = unpack(file_model("dependent").data)
    entropy = {name: array for name, array in other[1].items() if name.startswith("entropy.")}
    reversible = {name: array for name, array in arrays.items() if name.startswith("reversible.")}
    with pytest.raises(AiwaveError, match="parts are of the wrong kinds"):
        Model.from_bytes(pack(described | {"entropy": other[0]["entropy"]}, entropy | reversible))


@pytest.mark.parametrize(
    ("volume", "words"),
    [
        (np.zeros((2, 2, 2), np.longdouble), "longdouble|float128"),
        (np.zeros((2, 2, 2), complex), "complex128"),
        (np.zeros((2, 2, 2), "U3"), "<U3"),
        (np.zeros((2, 2), "uint8"), r"shape \(2, 2\)"),
        (np.zeros((2, 0, 2), "uint8"), r"shape \(2, 0, 2\)"),
        (np.zeros((1, 1, 2, 2, 2), "uint8"), "shape"),
    ],
)
def test_other_volumes_are_refused(volume, words):
    with pytest.raises(AiwaveError, match=words):
        compress(volume, file_model(), lossless=True, model_only=True)
