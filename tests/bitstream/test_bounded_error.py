"""No voxel differs by more than the largest error, whatever the volume; the background stays exact."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from imagecodecs import jpegls_encode

from aiwave.api import compress, decompress, info
from aiwave.bitstream.bounded_error import corrected as moved
from aiwave.bitstream.bounded_error import corrections
from aiwave.bitstream.tile_codec import TileCodec
from aiwave.cli import main
from aiwave.errors import AiwaveError
from tests.conftest import textured
from tests.files import file_model


def difference(a, b):
    return int(np.abs(a.astype(int) - b.astype(int)).max())


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(["uint8", "int8", "uint16", "int16"]), st.sampled_from([1, 2, 5, 40, 70000]))
def test_no_voxel_is_further_off_than_the_largest_error(data, dtype, error):
    volume = data.draw(arrays(np.dtype(dtype), (3, 4, 5)))
    decoded = decompress(compress(volume, file_model(), max_error=error, tile=8), model=file_model())
    assert decoded.dtype == volume.dtype
    assert difference(decoded, volume) <= error


@pytest.mark.parametrize("error", [1, 3, 10])
def test_series_and_regions_too_and_fewer_bytes_for_more_error(error):
    series = textured((2, 20, 24, 24), 1).astype(np.int16) - 100
    data = compress(series, file_model(), max_error=error)
    decoded = decompress(data, model=file_model())
    assert 0 < difference(decoded, series) <= error
    part = decompress(data, [(1, 2), (3, 9), (0, 24), (5, 20)], model=file_model())
    np.testing.assert_array_equal(part, decoded[1:2, 3:9, :, 5:20])
    sizes = [len(compress(series, file_model(), max_error=e)) for e in (1, 3, 10)]
    assert len(compress(series, file_model(), lossless=True)) > sizes[0] > sizes[1] > sizes[2]


def test_the_background_stays_exact():
    volume = textured((24, 24, 24), 2).astype(np.int16) + 50
    volume[:10] = -1024
    decoded = decompress(compress(volume, file_model(), max_error=7), model=file_model())
    np.testing.assert_array_equal(decoded[:10], volume[:10])


def test_sizes_are_comparable_with_near_lossless_jpeg_ls():
    volume = textured((48, 64, 64), 3)
    ours = len(compress(volume, max_error=2))
    assert ours < 1.02 * sum(len(jpegls_encode(np.ascontiguousarray(section), level=2)) for section in volume)


@pytest.mark.parametrize("error", [0, -1, 0.5, 2.5, np.nan, np.inf, "3", True])
def test_other_errors_are_refused(error):
    with pytest.raises(AiwaveError, match="whole number of grey levels"):
        compress(textured((4, 4, 4), 0), file_model(), max_error=error)


def test_other_types_and_two_qualities_are_refused():
    with pytest.raises(AiwaveError, match="float32 voxels, but a largest error"):
        compress(textured((4, 4, 4), 0).astype("f4"), file_model(), max_error=1)
    with pytest.raises(AiwaveError, match="exactly one of lossless, step"):
        compress(textured((4, 4, 4), 0), file_model(), max_error=1, lossless=True)


def test_the_command_says_so(tmp_path, capsys):
    volume = textured((16, 16, 16), 1)
    np.save(tmp_path / "a.npy", volume)
    assert main(["compress", f"{tmp_path}/a.npy", f"{tmp_path}/a.aiw", "--max-error", "3"]) == 0
    assert main(["decompress", f"{tmp_path}/a.aiw", f"{tmp_path}/b.npy"]) == 0
    assert 0 < difference(np.load(tmp_path / "b.npy"), volume) <= 3
    assert info((tmp_path / "a.aiw").read_bytes())["metadata"]["max_error"] == 3
    capsys.readouterr()
    assert main(["info", f"{tmp_path}/a.aiw"]) == 0
    assert "within 3 " in capsys.readouterr().out
    assert main(["info", f"{tmp_path}/a.aiw", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["metadata"]["max_error"] == 3
    assert main(["compress", f"{tmp_path}/a.npy", f"{tmp_path}/c.aiw", "--max-error", "0.5"]) == 1


LOSSY = file_model("lossy")


@settings(max_examples=25, deadline=None)
@given(st.data(), st.sampled_from(["uint8", "int8", "uint16", "int16"]), st.sampled_from([2, 3, 10, 300, 70000]))
def test_a_lossy_model_with_corrections_keeps_the_error_too(data, dtype, error):
    volume = data.draw(arrays(np.dtype(dtype), (3, 4, 5)))
    decoded = decompress(compress(volume, LOSSY, max_error=error, tile=8), model=LOSSY)
    assert decoded.dtype == volume.dtype
    assert difference(decoded, volume) <= error


@pytest.fixture(scope="module")
def series():
    """Textured, with a flat part."""
    volume = textured((2, 12, 24, 24), 1).astype(np.int16) * 20 - 100
    volume[:, :8] = -1000
    return volume


@pytest.fixture(scope="module")
def corrected(series):
    data = compress(series, LOSSY, max_error=6, tile=8, optimise=False, model_only=True)
    assert info(data)["corrected"]
    assert info(data)["shape"] == list(series.shape)
    assert info(data)["tiles_by"]["model"] > 4
    return data


def test_corrected_series_regions_and_previews(series, corrected):
    decoded = decompress(corrected, model=LOSSY)
    assert decoded.dtype == series.dtype
    assert 0 < difference(decoded, series) <= 5
    part = decompress(corrected, [(1, 2), (3, 11), (0, 24), (5, 20)], model=LOSSY)
    np.testing.assert_array_equal(part, decoded[1:2, 3:11, :, 5:20])
    preview = decompress(corrected, level=1, model=LOSSY)
    assert preview.shape == (2, 6, 12, 12)
    assert preview.dtype == series.dtype
    assert np.abs(preview[:, :2] + 1000.0).max() < 100


@pytest.mark.parametrize("sign", [1, -1, 0])
def test_the_error_holds_where_a_decoder_differs_by_a_grey_level(series, corrected, sign, monkeypatch):
    right, rng = TileCodec.synthesise, np.random.default_rng(0)

    def differently(*arguments):
        voxels = right(*arguments)
        return voxels + (sign or rng.uniform(-1, 1, voxels.shape))

    monkeypatch.setattr(TileCodec, "synthesise", differently)
    decoded = decompress(corrected, model=LOSSY)
    assert difference(decoded, series) == 6 if sign else difference(decoded, series) <= 6


def test_corrections_are_undone():
    numbers, decoded = np.arange(-400, 400), np.zeros(800, int)
    coded = corrections(numbers[None], decoded[None], 4)
    assert coded.min() == 0
    assert np.abs(moved(decoded[None], coded, 4) - numbers).max() == 3


def test_a_lossy_model_keeps_no_error_of_one():
    with pytest.raises(AiwaveError, match="from 2 on: take a lossless model"):
        compress(textured((4, 4, 4), 0), LOSSY, max_error=1)


def test_the_smaller_way_is_chosen():
    volume = scan_like(np.random.default_rng(0))
    sizes = [len(compress(volume, model, max_error=12)) for model in ("em_lossless", "em_nano")]
    assert len(compress(volume, max_error=12)) <= 1.01 * min(sizes)
    assert info(compress(volume, max_error=12))["corrected"] == (sizes[1] < sizes[0])


def scan_like(rng):
    """Smooth structures with noise, (32, 32, 32) uint8."""
    z, y, x = np.mgrid[:32, :32, :32] / 5
    return (120 + 50 * np.sin(z) * np.cos(y) * np.sin(x) + rng.normal(0, 6, z.shape)).clip(0, 255).astype(np.uint8)
