"""Thick sections along any axis: coded as if they were along z, and back in their place."""

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from aiwave.api import compress, decompress, info
from aiwave.bitstream.axis_order import as_before, with_first
from aiwave.bitstream.container import open_stream
from aiwave.bitstream.exact_preview import exact_preview
from aiwave.cli import main
from aiwave.errors import AiwaveError
from aiwave.pretrained.choice import shipped_model

NOISE = np.random.default_rng(0)
THICK = np.rint(
    gaussian_filter(NOISE.normal(size=(22, 62, 53)), (0.4, 3, 3)) * 900 + 1000 + NOISE.normal(size=(22, 62, 53))
)
"""(z, y, x), with neighbours along z that hardly resemble each other."""

ORDERS = [("z", (0, 1, 2)), ("y", (1, 0, 2)), ("x", (1, 2, 0))]
LOSSLESS, LOSSY = {"model": "voxels_fast", "lossless": True}, {"model": "general_fast", "step": 20.0}


def turned(axes, dtype="uint16"):
    return np.ascontiguousarray(THICK.transpose(axes)).astype(dtype)


@pytest.mark.parametrize("quality", [LOSSLESS, LOSSY, {"model": "general_fast", "psnr": 75.0}], ids=str)
@pytest.mark.parametrize(("first", "axes"), ORDERS[1:])
def test_sections_along_any_axis_cost_the_same(first, axes, quality):
    usual, other = compress(turned((0, 1, 2)), **quality), compress(turned(axes), **quality)
    assert [info(data)["first_axis"] for data in (usual, other)] == ["z", first]
    assert info(other)["shape"] == list(turned(axes).shape)
    assert abs(len(other) - len(usual)) <= 4  # checksums may end in zeros
    assert np.array_equal(decompress(other), decompress(usual).transpose(axes))


@pytest.mark.parametrize("quality", [LOSSLESS, LOSSY, {"model": "general_fast", "max_error": 5}], ids=str)
@pytest.mark.parametrize(("first", "axes"), ORDERS)
def test_parts_and_previews_are_those_of_the_volume(first, axes, quality):
    data = compress(turned(axes), **quality, tile=16)
    assert info(data)["first_axis"] == first
    whole, region = decompress(data), [(3, 19), (0, 17), (11, 20)]
    assert np.array_equal(decompress(data, region), whole[3:19, 0:17, 11:20])
    preview = decompress(data, level=1)
    assert preview.shape == tuple(-(-side // 2) for side in whole.shape)
    part = decompress(data, region, level=1)
    assert np.array_equal(part, preview[1:10, 0:9, 5:10])
    assert whole.flags.c_contiguous


@pytest.mark.parametrize("dtype", ["int16", "int32", "float32", "float64"])
def test_series_padding_and_any_type_survive(dtype):
    frame = turned((1, 2, 0), dtype)
    frame[:20, :30] = -2000
    series = np.stack([frame, frame[::-1]])
    assert np.array_equal(decompress(compress(series, **LOSSLESS)), series)
    lossy = compress(series, **LOSSY)
    assert info(lossy)["first_axis"] == "x"
    assert np.array_equal(decompress(lossy)[:1] == -2000, series[:1] == -2000)
    assert np.abs(decompress(lossy) - series).max() < 80


def test_what_has_no_thicker_axis_stays_as_it_is():
    for volume in (
        np.zeros((9, 8, 7), np.uint8),
        NOISE.integers(0, 256, (16, 17, 18)).astype(np.uint8),
        turned((0, 1, 2))[:1],
    ):
        data = compress(volume, **LOSSLESS)
        assert info(data)["first_axis"] == "z"
        assert np.array_equal(decompress(data), volume)


def test_a_section_alone_is_coded_as_one():
    section = np.tile(turned((0, 1, 2))[0], (5, 5))
    streams = [compress(np.expand_dims(section, axis), **LOSSLESS) for axis in range(3)]
    assert [open_stream(data).header.shape[1:] for data in streams] == [(1, *section.shape)] * 3
    lengths = [len(data) for data in streams]
    assert max(lengths) < 1.01 * min(lengths)  # whether ranks pay is decided before


def test_an_order_that_cannot_be_tried_is_not_taken(monkeypatch):
    """Parts may hold values that the step of the trial cannot code, although the volume has no such step."""

    def refuse(*arguments):
        raise AiwaveError("At this step coefficients are too large to code: choose a larger step.")

    monkeypatch.setattr("aiwave.bitstream.axis_order.cost", refuse)
    assert info(compress(turned((1, 0, 2)), **LOSSY))["first_axis"] == "z"


@pytest.mark.parametrize(("first", "axes"), ORDERS)
def test_previews_from_voxels_are_those_of_streams(first, axes):
    data = compress(turned(axes), **LOSSLESS)
    assert np.array_equal(exact_preview(turned(axes), shipped_model("voxels_fast")), decompress(data, level=1))


def test_a_region_of_a_nifti_file_keeps_its_place(tmp_path):
    image = nib.Nifti1Image(turned((1, 2, 0)).T, np.array([[4, 0, 0, -30], [0, 1, 0, 5], [0, 0, 1, 7], [0, 0, 0, 1.0]]))
    nib.save(image, tmp_path / "in.nii")
    assert main(["compress", f"{tmp_path}/in.nii", f"{tmp_path}/v.aiw", "--model", "voxels_fast"]) == 0
    assert info((tmp_path / "v.aiw").read_bytes())["first_axis"] == "x"
    region = ["--region", "3:19,2:17,11:20"]
    assert main(["decompress", f"{tmp_path}/v.aiw", f"{tmp_path}/out.nii", *region]) == 0
    part, expected = nib.load(tmp_path / "out.nii"), image.slicer[11:20, 2:17, 3:19]
    assert np.array_equal(part.dataobj, expected.dataobj)
    assert np.allclose(part.affine, expected.affine)


@pytest.mark.parametrize("first", [0, 1, 2])
def test_orders_are_undone(first):
    series = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    ordered = with_first(series, first)
    assert ordered.shape[1] == series.shape[1 + first]
    assert np.array_equal(as_before(ordered, first), series)
