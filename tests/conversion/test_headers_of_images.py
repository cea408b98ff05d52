"""Original headers in `aiwave convert`: kept from image to image, and named where they are not."""

import nibabel
import numpy as np
import pytest
import tifffile

import zarr
from aiwave.cli import main
from tests.conftest import textured
from tests.images.dicom_files import series

SMALL = ["--chunk", "16", "--workers", "1", "--model", "voxels_fast"]


def convert(capsys, *arguments):
    """What the command says to a terminal's standard error."""
    assert main(["convert", *map(str, arguments)]) == 0
    return capsys.readouterr().err


@pytest.fixture
def described(tmp_path):
    """A NIfTI file with fields that no geometry has."""
    image = nibabel.Nifti1Image(textured((9, 10, 11), 2), np.diag([1, 2, 3, 1]))
    image.header["descrip"], image.header["intent_code"] = b"made for a test", 1005
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"by hand"))
    nibabel.save(image, tmp_path / "a.nii")
    return tmp_path / "a.nii"


def test_from_image_to_image_the_header_comes_along(tmp_path, described, capsys):
    assert convert(capsys, described, tmp_path / "b.nii") == ""
    assert (tmp_path / "b.nii").read_bytes() == described.read_bytes()


def test_a_region_has_the_other_fields_of_the_header(tmp_path, described, capsys):
    assert convert(capsys, described, tmp_path / "b.nii", "--region", "2:7,:,3:9") == ""
    part, whole = nibabel.load(tmp_path / "b.nii"), nibabel.load(described)
    assert (part.header["descrip"], part.header["intent_code"]) == (b"made for a test", 1005)
    np.testing.assert_array_equal(part.dataobj, np.asarray(whole.dataobj)[3:9, :, 2:7])
    np.testing.assert_allclose(part.affine[:3, 3], (whole.affine @ [3, 0, 2, 1])[:3])


def test_other_formats_and_stores_say_what_they_cannot_keep(tmp_path, described, capsys):
    lost = "cannot keep the other fields of the NIfTI header"
    assert lost in convert(capsys, described, tmp_path / "b.nrrd")
    assert lost in convert(capsys, described, tmp_path / "b.zarr", *SMALL)
    assert lost not in convert(capsys, described, tmp_path / "c.zarr", "--quiet", *SMALL)


def test_a_slope_of_each_slice_is_not_lost_without_a_word(tmp_path, capsys):
    def change(data, k):
        data.RescaleSlope = 1 + k / 10

    series(tmp_path / "pet", count=4, change=change)
    assert "slope and intercept of each slice" in convert(capsys, tmp_path / "pet", tmp_path / "b.zarr", *SMALL)
    assert "slope and intercept of each slice" in convert(capsys, tmp_path / "pet", tmp_path / "b.nii.gz")


def test_what_a_reader_leaves_out_is_said_once(tmp_path, described, capsys):
    described.write_bytes(described.read_bytes() + bytes(7))
    assert convert(capsys, described, tmp_path / "b.zarr", *SMALL).count("without the 7 bytes after its voxels") == 1


@pytest.mark.parametrize("dtype", ["uint64", "int64"])
def test_tiff_of_64_bits_becomes_a_store(tmp_path, dtype, capsys):
    voxels = textured((8, 16, 16), 1).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", voxels)
    convert(capsys, tmp_path / "a.tif", tmp_path / "a.zarr", "--chunk", "16", "--workers", "1")
    np.testing.assert_array_equal(zarr.open_group(str(tmp_path / "a.zarr"), mode="r")["0"][:], voxels)
