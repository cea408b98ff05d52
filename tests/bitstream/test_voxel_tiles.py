"""Streams whose tiles a voxel model codes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwave.api import compress, decompress, info
from aiwave.bitstream import Model
from aiwave.bitstream.container import open_stream, write_stream
from aiwave.bitstream.exact_preview import exact_preview
from aiwave.bitstream.metadata import Metadata
from aiwave.bitstream.model_file import pack, unpack
from aiwave.bitstream.plain_tiles import coarse
from aiwave.bitstream.tile_codec import TileCodec
from aiwave.bitstream.tile_index import CodedTile, Mode
from aiwave.errors import AiwaveError
from aiwave.zarr.settings import Settings
from aiwave.zarr.volumes import decode, encode
from tests.conftest import textured
from tests.files import file_model

VOLUME = textured((20, 13, 17), 0).astype(np.int16) - 100


def model():
    return file_model("voxels")


def stream(**options):
    return compress(VOLUME, model(), lossless=True, tile=8, **options)


def test_regions_and_previews_are_those_of_the_voxels():
    data = stream(model_only=True)
    assert info(data)["version"] == 2
    assert info(data)["tiles_by"]["voxels"] == info(data)["tiles"] > 1
    np.testing.assert_array_equal(decompress(data, model=model()), VOLUME)
    region = [(3, 20), (5, 12), (0, 9)]
    np.testing.assert_array_equal(decompress(data, region, model=model()), VOLUME[3:20, 5:12, :9])
    whole = compress(VOLUME, model(), lossless=True, model_only=True)
    for level in (1, 2, 3):
        np.testing.assert_array_equal(
            decompress(whole, level=level, model=model()), coarse(VOLUME - VOLUME.min(), level) + VOLUME.min()
        )


def test_flat_and_simple_tiles_take_what_is_smaller():
    volume = VOLUME.copy()
    volume[:8] = 7
    data = compress(volume, model(), lossless=True, tile=8)
    modes = info(data)["tiles_by"]
    assert modes["constant"] > 0
    assert modes["voxels"] > 0
    np.testing.assert_array_equal(decompress(data, model=model()), volume)


def test_a_volume_without_its_tiles_is_of_the_first_version():
    data = compress(np.full((9, 9, 9), 5, np.uint8), model(), lossless=True)
    assert (info(data)["version"], info(data)["model"]) == (1, None)


@pytest.mark.parametrize("quality", [{"step": 4.0}, {"psnr": 40.0}, {"bpp": 1.0}])
def test_lossy_coding_is_refused(quality):
    with pytest.raises(AiwaveError, match="codes only losslessly"):
        compress(VOLUME, model(), **quality)


def test_an_error_bound_is_met():
    data = compress(VOLUME, model(), max_error=2, tile=8)
    assert np.abs(decompress(data, model=model()).astype(int) - VOLUME).max() <= 2


def test_chunks_of_arrays_come_back(tmp_path):
    file = tmp_path / "voxels.aiwm"
    file.write_bytes(model().data)
    settings = Settings(str(file), "lossless")
    chunk = encode(VOLUME, settings)
    np.testing.assert_array_equal(decode(chunk, VOLUME.shape, VOLUME.dtype, settings), VOLUME)
    region = [(2, 11), (0, 3), (4, 17)]
    np.testing.assert_array_equal(decode(chunk, VOLUME.shape, VOLUME.dtype, settings, region), VOLUME[2:11, :3, 4:17])


def forged(change):
    """The stream with its first tile changed, and checksums that fit."""
    opened = open_stream(stream(model_only=True))
    tiles = [opened.tile(number, 1) for number in range(opened.header.grid.count)]
    tiles[0] = change(tiles[0])
    return write_stream(opened.header, Metadata({}, b""), opened.values, b"", tiles)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tile: replace(tile, chunks=[b"abc"]), "no lowest and highest number"),
        (lambda tile: replace(tile, chunks=[b"\x02\0\x01\0" + tile.chunks[0][4:]]), "above its highest"),
        (lambda tile: replace(tile, chunks=[tile.chunks[0][:4]]), "damaged"),
        (lambda tile: CodedTile([tile.chunks[0], b"", b""], tile.content, Mode.MODEL), "not those of its model"),
    ],
)
def test_tiles_that_no_encoder_writes_are_refused(change, said):
    with pytest.raises(AiwaveError, match=said):
        decompress(forged(change), model=model())


def test_its_tiles_with_another_kind_of_model_are_refused():
    opened = open_stream(stream(model_only=True))
    other = replace(opened.header, identity=bytes.fromhex(file_model("lossless").identity), levels=2)
    tiles = [opened.tile(number, 1) for number in range(opened.header.grid.count)]
    data = write_stream(other, Metadata({}, b""), b"", b"", tiles)
    with pytest.raises(AiwaveError, match="not those of its model"):
        decompress(data, model=file_model("lossless"))


def test_numbers_beyond_16_bits_are_refused():
    with pytest.raises(AiwaveError, match="beyond 16 bits"):
        TileCodec(model(), 0, True).encode([np.array([[[0, 1 << 16]]], np.int32)])


@pytest.mark.parametrize(
    "change", [{"wavelet": "cdf97"}, {"sharing": "sections"}, {"levels": 2}, {"boundary": "published"}], ids=str
)
def test_other_transforms_are_refused_in_its_model_file(change):
    described, arrays = unpack(model().data)
    described["transform"] |= change
    with pytest.raises(AiwaveError, match="damaged"):
        Model.from_bytes(pack(described, arrays))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(1, 70), min_size=3, max_size=3),
    st.integers(0, 2),
    st.sampled_from(["uint8", "int8", "uint16", "int16"]),
    st.sampled_from([1, 7, 1000]),
    st.integers(0, 99),
)
def test_previews_can_be_told_from_the_voxels(size, times, dtype, spread, seed):
    limits, rng = np.iinfo(dtype), np.random.default_rng(seed)
    low = int(rng.integers(limits.min, limits.max - min(spread, 200)))
    volume = rng.integers(low, min(low + spread, limits.max) + 1, size=[*[times] * bool(times), *size]).astype(dtype)
    data = compress(volume, model(), lossless=True)
    np.testing.assert_array_equal(exact_preview(volume, model()), decompress(data, level=1, model=model()))
