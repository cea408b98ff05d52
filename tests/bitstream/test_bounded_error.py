"""No voxel differs by more than the largest error, whatever the volume; the background stays exact."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from imagecodecs import jpegls_encode

from aiwave.api import compress, decompress, info
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
