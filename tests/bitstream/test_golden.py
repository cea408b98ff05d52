"""Streams of version 1 decode to the same voxels for ever. tests/data was written by scripts/make_golden.py."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from aiwave.api import compress, decompress
from aiwave.bitstream import info
from aiwave.bitstream.container import open_stream
from aiwave.bitstream.decoder import stream_model
from aiwave.bitstream.model_file import pack, unpack
from aiwave.bitstream.tile_index import Mode
from tests.conftest import textured

STREAMS = sorted((Path(__file__).parents[1] / "data").glob("*.aiw"))

KINDS = ("lossless", "lossy", "plain", "learned", "sections", "dependent", "oriented", "trellis")


def test_there_is_a_stream_of_every_kind():
    assert {path.stem for path in STREAMS} == set(KINDS)


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_golden_streams_decode_as_ever(path):
    data, expected = path.read_bytes(), np.load(path.with_suffix(".npy"))
    decoded = decompress(data)
    assert decoded.dtype == expected.dtype
    tolerance = 0 if info(data)["lossless"] else 1  # the inverse transform of lossy streams computes in floats
    assert np.abs(decoded.astype(int) - expected).max() <= tolerance
    assert info(data)["metadata"]["spacing"] == [2.0, 0.5, 0.5]
    assert info(data)["metadata"]["model"] == path.stem
    assert info(data)["version"] == 1


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_their_parts_and_previews_decode(path):
    data, whole = path.read_bytes(), np.load(path.with_suffix(".npy"))
    part = decompress(data, [(1, 9), (3, 8), (0, 11)])
    assert np.abs(part.astype(int) - whole[..., 1:9, 3:8, :]).max() <= (0 if info(data)["lossless"] else 1)
    for level in range(1, info(data)["levels"] + 1):
        preview = decompress(data, level=level)
        assert preview.shape == (*whole.shape[:-3], *(-(-side >> level) for side in whole.shape[-3:]))
        assert abs(preview.mean() - whole.mean()) < 0.2 * np.ptp(whole)


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_the_models_in_them_are_written_as_ever(path):
    """Contents of a model file, packed again, give the same file, so that its hash still identifies it in streams."""
    stream = open_stream(path.read_bytes())
    assert pack(*unpack(stream.model)) == stream.model
    assert hashlib.sha256(stream.model).digest() == stream.header.identity


SMALL = textured((9, 10, 11), 0)


@pytest.mark.parametrize(
    ("name", "original"),
    [("lossless", SMALL.astype(np.int16) * 5 - 700), ("learned", SMALL[:, ::-1]), ("sections", SMALL[::-1])],
)
def test_the_lossless_ones_are_the_volumes_that_they_were_made_from(name, original):
    path = next(path for path in STREAMS if path.stem == name)
    np.testing.assert_array_equal(np.load(path.with_suffix(".npy")), original)
    data = path.read_bytes()
    model = stream_model(open_stream(data), None)
    again = compress(original, model, lossless=True, tile=8, metadata=info(data)["metadata"], embed_model=True)
    np.testing.assert_array_equal(decompress(again), original)
    assert len(again) <= len(data)  # an encoder may get better


TYPES = sorted((Path(__file__).parents[1] / "data" / "types").glob("*.aiw"))


def test_there_is_a_stream_for_every_way_of_coding_voxels():
    assert {path.stem for path in TYPES} == {
        *("corrected", "mixed", "padded", "padded_floats", "planes", "ranks", "repeated", "scaled"),
        *("voxels", "whole", "within"),
    }
    streams = [open_stream(path.read_bytes()) for path in TYPES]
    assert set(np.concatenate([stream.index.modes for stream in streams]).tolist()) == {int(mode) for mode in Mode}
    flags = [
        (stream.header.planes, stream.header.masked, stream.header.corrected, stream.header.packed)
        for stream in streams
    ]
    assert all(any(flag) for flag in zip(*flags, strict=True))


@pytest.mark.parametrize("path", TYPES, ids=lambda path: path.stem)
def test_golden_streams_of_types_decode_as_ever(path):
    data, expected = path.read_bytes(), np.load(path.with_suffix(".npy"))
    decoded = decompress(data)
    assert decoded.dtype == expected.dtype
    assert info(data)["version"] == (2 if path.stem in ("repeated", "voxels") else 1)
    if info(data)["lossless"]:
        assert decoded.tobytes() == expected.tobytes()
        return
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(decoded[~finite], expected[~finite])
    tolerance = 1 if expected.dtype.kind in "iu" else 1e-2 * info(data)["step"]  # processors sum in another order
    assert np.abs(decoded[finite].astype(float) - expected[finite]).max() <= tolerance


def test_an_original_header_is_what_it_was():
    assert open_stream((TYPES[0].parent / "mixed.aiw").read_bytes()).original == b"a header" * 9
