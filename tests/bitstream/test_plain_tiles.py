"""Tiles without the model: which are chosen, that they come back exactly, and that damage is noticed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from imagecodecs import jpegxl_encode

from aiwave.api import compress, decompress, info
from aiwave.bitstream.container import open_stream
from aiwave.bitstream.plain_tiles import constant, decoded, smallest
from aiwave.bitstream.tile_index import CodedTile, Mode
from aiwave.errors import AiwaveError
from tests.conftest import textured
from tests.files import file_model, noise


def modes(data):
    return {name: count for name, count in info(data)["tiles_by"].items() if count}


def ball(side, value=1):
    z, y, x = np.mgrid[:side, :side, :side] - side / 2
    return np.where(z * z + y * y + x * x < side * side / 6, value, 0).astype(np.uint16)


def labels(side):
    z, y, x = np.mgrid[:side, :side, :side]
    return (z // 9 * 35 + y // 11 * 5 + x // 13).astype(np.uint16)


@pytest.mark.parametrize("value", [0, 7, -1024, 32767, -32768])
@pytest.mark.parametrize("quality", [{"lossless": True}, {"step": 20.0}, {"psnr": 50.0}, {"bpp": 1.0}])
def test_a_flat_volume_takes_no_model_and_hardly_any_bytes(value, quality):
    volume = np.full((20, 21, 22), value, np.int16)
    data = compress(volume, file_model("plain"), tile=8, **quality)
    np.testing.assert_array_equal(decompress(data), volume)
    assert modes(data) == {"constant": 27}
    assert info(data)["model"] is None
    assert len(data) < 92 + 27 * 5 + 5


def test_zeros_take_no_index_either():
    assert len(compress(np.zeros((96, 96, 96), np.uint8), "em_lossless", lossless=True, metadata={"model": "m"})) == 92


@pytest.mark.parametrize("volume", [ball(32), ball(32, 60000), labels(32), labels(32).astype(np.int16) - 300])
@pytest.mark.parametrize("quality", [{"lossless": True}, {"step": 8.0}, {"psnr": 60.0}])
def test_masks_and_labels_are_exact_and_small_even_in_lossy_files(volume, quality):
    data = compress(volume, "em_lossless" if "lossless" in quality else "mri_nano", tile=32, **quality)
    np.testing.assert_array_equal(decompress(data), volume)
    assert len(data) < 0.02 * volume.nbytes


@settings(max_examples=40, deadline=None)
@given(arrays(np.uint16, (3, 4, 5), elements=st.integers(0, 65535)))
def test_any_numbers_come_back_from_a_tile(numbers):
    tile = constant(numbers.astype(np.int32)) or smallest(numbers.astype(np.int32), 0)
    np.testing.assert_array_equal(decoded(tile, numbers.shape), numbers)


def test_a_volume_with_air_mixes_tiles_and_regions_agree():
    volume = textured((24, 24, 24), 3).astype(np.int16) - 200
    volume[:8], volume[8:16, :8] = -1024, np.arange(24) % 3
    data = compress(volume, file_model("plain"), step=4.0, tile=8)
    assert set(modes(data)) >= {"model", "constant"}
    whole = decompress(data, model=file_model("plain"))
    np.testing.assert_array_equal(whole[:8], volume[:8])
    region = [(3, 20), (5, 23), (0, 9)]
    part = decompress(data, region, model=file_model("plain"))
    np.testing.assert_array_equal(part, whole[3:20, 5:23, 0:9])


@pytest.mark.parametrize("level", [1, 2])
def test_previews_of_plain_tiles_are_smoothed_and_subsampled(level):
    z, y, x = np.mgrid[:16, :16, :16]
    ramp = (100 * z + 10 * y + x).astype(np.uint16)
    data = compress(ramp, file_model(), lossless=True, tile=16)
    assert "model" not in modes(data)
    preview = decompress(data, level=level).astype(int)
    inner = (slice(1, -1),) * 3
    step = slice(None, None, 1 << level)
    assert np.abs(preview[inner] - ramp[step, step, step].astype(int)[inner]).max() <= 2


def test_textured_tiles_keep_the_model_and_their_bytes():
    volume = textured((64, 64, 64), 5)
    ours, alone = (compress(volume, "em_lossless", lossless=True, model_only=only) for only in (False, True))
    assert len(ours) <= len(alone)
    np.testing.assert_array_equal(decompress(ours), volume)


def hard(side):
    """Noise on a ramp, which JPEG XL codes in fewer bytes than LZMA."""
    z, y, x = np.mgrid[:side, :side, :side]
    return (1000 + 40 * z + 20 * y + 30 * x + noise((side,) * 3, "uint8") % 3).astype(np.uint16)


@pytest.mark.parametrize(("volume", "mode"), [(labels(24), Mode.LZMA), (hard(24), Mode.JPEG_XL)])
def test_damage_in_a_plain_tile_is_noticed(volume, mode):
    tile = smallest(volume.astype(np.int32), 0)
    assert tile.mode == mode
    for numbers in ((9, 9, 9), (24, 24, 25)):
        with pytest.raises(AiwaveError, match="another size"):
            decoded(tile, numbers)
    for cut in (1, len(tile.chunks[0]) // 2):
        with pytest.raises(AiwaveError, match="a tile in"):
            decoded(CodedTile([tile.chunks[0][:-cut]], 0, mode), volume.shape)
    data = bytearray(compress(volume, file_model(), lossless=True, tile=24))
    assert list(open_stream(bytes(data)).index.modes) == [mode]
    data[-5] ^= 4
    with pytest.raises(AiwaveError, match="checksum of level 0 of tile 0"):
        decompress(bytes(data))


def test_crafted_tiles_are_refused_before_they_take_memory():
    bomb = jpegxl_encode(np.zeros((9000, 9000), np.uint8), lossless=True, effort=1)
    for chunk in (bytes(bomb), b"\xff\x0a" + bytes(20)):
        with pytest.raises(AiwaveError, match="a tile in JPEG XL"):
            decoded(CodedTile([chunk], 0, Mode.JPEG_XL), (8, 8, 8))
    for number in (1 << 16, 1 << 31, (1 << 32) - 1):
        with pytest.raises(AiwaveError, match="beyond 16 bits"):
            decoded(CodedTile([], number, Mode.CONSTANT), (8, 8, 8))


def test_every_flipped_byte_of_a_jpeg_xl_tile_is_refused_or_decodes():
    tile = smallest(hard(12).astype(np.int32), 0)
    for place in range(0, len(tile.chunks[0]), 7):
        chunk = bytearray(tile.chunks[0])
        chunk[place] ^= 0x55
        try:
            decoded(CodedTile([bytes(chunk)], 0, Mode.JPEG_XL), (12, 12, 12))
        except AiwaveError as error:
            assert "a tile in JPEG XL" in str(error)  # noqa: PT017
