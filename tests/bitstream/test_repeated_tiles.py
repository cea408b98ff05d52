"""Tiles that are coded as earlier ones."""

import numpy as np
import pytest

from aiwave.api import compress, decompress, info
from aiwave.bitstream.container import open_stream, write_stream
from aiwave.bitstream.metadata import Metadata
from aiwave.bitstream.tile_index import CodedTile, Mode
from aiwave.errors import AiwaveError
from aiwave.zarr.settings import Settings
from aiwave.zarr.volumes import decode, encode
from tests.conftest import textured
from tests.files import file_model

VOLUME = textured((12, 13, 17), 0).astype(np.int16) - 100
WORD = 4
QUALITIES = {"voxels": {"lossless": True}, "lossless": {"lossless": True}, "lossy": {"step": 6.0}}


@pytest.mark.parametrize("name", QUALITIES)
def test_volumes_that_a_series_repeats_take_a_word_per_tile(name):
    model, quality = file_model(name), QUALITIES[name]
    once = compress(VOLUME[None], model, **quality, tile=8, model_only=True)
    thrice = compress(np.stack([VOLUME] * 3), model, **quality, tile=8, model_only=True)
    tiles = info(once)["tiles"]
    assert info(thrice)["tiles_by"]["repeated"] == 2 * tiles > 2
    assert info(thrice)["version"] == 2
    modes = tiles if info(once)["version"] == 1 else 0  # an index with modes has a byte for each tile
    assert len(thrice) == len(once) + 2 * tiles * (WORD + 1) + modes
    expected = decompress(once, model=model)[0]
    np.testing.assert_array_equal(decompress(thrice, model=model), np.stack([expected] * 3))
    last = decompress(thrice, [(2, 3), (3, 9), (1, 12), (0, 17)], model=model)
    np.testing.assert_array_equal(last[0], expected[3:9, 1:12])
    preview = decompress(thrice, level=1, model=model)
    np.testing.assert_array_equal(preview[2], decompress(once, level=1, model=model)[0])


def test_masks_of_a_series_are_stored_once():
    volume = textured((4, 24, 24, 24), 1).astype(np.float32) + 0.5
    volume[:, 5:12, 8:19, 4:20] = np.nan
    data = compress(volume, file_model("lossy"), step=4.0)
    assert info(data)["tiles_by"]["repeated"] == 3
    assert (np.isnan(decompress(data, model=file_model("lossy"))) == np.isnan(volume)).all()


def test_chunks_of_arrays_repeat_tiles_too():
    labels = np.random.default_rng(0).integers(0, 3, (1, 16, 16, 16)).astype(np.uint8)
    series, settings = np.concatenate([labels] * 4), Settings("voxels_fast", "lossless")
    chunk = encode(series, settings)
    assert len(chunk) < 2 * len(encode(labels, settings))
    np.testing.assert_array_equal(decode(chunk, series.shape, series.dtype, settings), series)


def lying(number, earlier):
    """A stream whose tile of a number claims to be as another one."""
    stream = open_stream(compress(VOLUME, file_model("lossy"), step=6.0, tile=8, model_only=True))
    tiles = [stream.tile(k, stream.header.levels) for k in range(stream.header.grid.count)]
    tiles[number] = CodedTile([], earlier, Mode.REPEATED)
    if earlier == 0:
        tiles[0] = CodedTile([], 3, Mode.CONSTANT)
    return write_stream(stream.header, Metadata({}, b""), stream.values, b"", tiles)


@pytest.mark.parametrize(("number", "earlier"), [(1, 1), (1, 2), (2, 0), (1, 2**32 - 1)])
def test_only_earlier_coded_tiles_can_be_repeated(number, earlier):
    with pytest.raises(AiwaveError, match="its index does not fit"):
        decompress(lying(number, earlier), model=file_model("lossy"))


def test_only_tiles_of_one_size_can_be_repeated():
    with pytest.raises(AiwaveError, match="repeats one of another size"):
        decompress(lying(2, 1), model=file_model("lossy"))
