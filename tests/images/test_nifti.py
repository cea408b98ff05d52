"""Stored values of NIfTI files and Analyze pairs, exactly, or a refusal."""

import gzip

import numpy as np
import pytest
import SimpleITK as sitk

from aiwave.errors import AiwaveError
from aiwave.images import read_images, read_voxels

from ..raw_images import noise, placed
from .volume_files import full_range, write, write_itk


@pytest.mark.parametrize("dtype", ["int16", "uint8"])
def test_nifti_keeps_stored_values_and_declares_its_slope(tmp_path, dtype):
    voxels = noise((5, 6, 7), dtype, 0, 200)
    path = tmp_path / "scaled.nii"
    sitk.WriteImage(placed(voxels), str(path))
    content = bytearray(path.read_bytes())
    content[112:120] = np.array([0.37, -12.5], "<f4").tobytes()  # scl_slope and scl_inter
    path.write_bytes(content)
    (image,) = read_images(path)
    np.testing.assert_array_equal(image.voxels, voxels)
    physical = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    np.testing.assert_allclose(image.slope * image.voxels + image.intercept, physical, rtol=1e-6)


def test_big_endian_analyze_of_spm(tmp_path):
    voxels = noise((4, 5, 6), "int16", -9, 900)
    header = np.zeros(348, np.uint8).tobytes()
    fields = {0: (">i4", [348]), 40: (">i2", [4, 6, 5, 4, 1, 0, 0, 0]), 70: (">i2", [4, 16])}
    fields |= {76: (">f4", [0, 3, 3, 4.5]), 112: (">f4", [0.25])}
    content = bytearray(header)
    for place, (kind, values) in fields.items():
        data = np.array(values, kind).tobytes()
        content[place : place + len(data)] = data
    (tmp_path / "s.hdr").write_bytes(content)
    (tmp_path / "s.img").write_bytes(voxels.astype(">i2").tobytes())
    (image,) = read_images(tmp_path / "s.hdr")
    np.testing.assert_array_equal(image.voxels, voxels)
    assert (image.slope, image.spacing, image.note) == (0.25, (4.5, 3.0, 3.0), "")
    (tmp_path / "s.mat").write_bytes(b"of SPM")
    (image,) = read_images(tmp_path / "s.img")
    assert image.note == "without the position of the image in s.mat, which is not read"


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_bytes_after_the_voxels_are_left_out_with_a_note(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write(path, noise((3, 4, 5), "int16"))
    assert read_images(path)[0].note == ""
    zipped = suffix == ".nii.gz"
    content = (gzip.decompress(path.read_bytes()) if zipped else path.read_bytes()) + bytes(80)
    path.write_bytes(gzip.compress(content) if zipped else content)
    assert read_images(path)[0].note == "without the 80 bytes after its voxels"


def test_half_of_an_analyze_pair(tmp_path):
    sitk.WriteImage(placed(noise((3, 4, 5), "int16")), str(tmp_path / "a.hdr"))
    (tmp_path / "a.img").write_bytes(bytes(20))
    with pytest.raises(AiwaveError, match=r"a\.img cannot be read \(it holds 20 of 120 bytes of voxels\)"):
        read_images(tmp_path / "a.hdr")


def patched(path, voxels, **fields):
    """A .nii or .nii.gz whose header has other bytes at `at<offset>`."""
    write(path, voxels)
    zipped = path.suffix == ".gz"
    content = bytearray(gzip.decompress(path.read_bytes()) if zipped else path.read_bytes())
    for name, data in fields.items():
        content[int(name[2:]) : int(name[2:]) + len(data)] = data
    path.write_bytes(gzip.compress(content) if zipped else content)
    return path


@pytest.mark.parametrize("scale", [(2.0, 0.0), (1.0, 5.0), (0.37, -12.5)])
def test_scaled_voxels_are_not_trained_on(tmp_path, scale):
    path = patched(tmp_path / "a.nii.gz", noise((4, 5, 6)), at112=np.array(scale, "<f4").tobytes())
    with pytest.raises(AiwaveError, match=rf"a\.nii\.gz declares a slope of {scale[0]:g} and .* run aiwave prepare"):
        read_voxels(path)


def test_a_slope_of_zero_is_none(tmp_path):
    voxels = noise((4, 5, 6))
    path = patched(tmp_path / "a.nii", voxels, at112=np.array((0, 7), "<f4").tobytes())
    (image,) = read_images(path)
    assert (image.slope, image.intercept) == (1, 0)
    np.testing.assert_array_equal(read_voxels(path), voxels)


def test_files_of_one_name_are_not_mixed_up(tmp_path):
    plain, zipped = noise((2, 3, 4), seed=1), noise((2, 3, 4), seed=2)
    write(tmp_path / "a.nii", plain)
    write(tmp_path / "a.nii.gz", zipped)
    np.testing.assert_array_equal(read_voxels(tmp_path / "a.nii"), plain)
    np.testing.assert_array_equal(read_voxels(tmp_path / "a.nii.gz"), zipped)


@pytest.mark.parametrize("offset", [0, 12, -1, np.nan, 352])
def test_voxels_begin_after_the_header(tmp_path, offset):
    voxels = noise((4, 5, 6))
    path = patched(tmp_path / "a.nii", voxels, at108=np.array([offset], "<f4").tobytes())
    np.testing.assert_array_equal(read_voxels(path), voxels)


def test_an_axis_of_length_0_is_none(tmp_path):
    voxels = noise((4, 5, 6))
    path = patched(tmp_path / "a.nii", voxels, at40=np.array([4, 6, 5, 4, 0], "<i2").tobytes())
    np.testing.assert_array_equal(read_voxels(path), voxels)


@pytest.mark.parametrize("place", [-5, -2, 60])
def test_a_damaged_checksum_is_noticed(tmp_path, place):
    path = write(tmp_path / "a.nii.gz", full_range("uint16", (8, 9, 10)))
    content = bytearray(path.read_bytes())
    content[place] ^= 0x55
    path.write_bytes(content)
    for read in (read_voxels, read_images):
        with pytest.raises(AiwaveError, match=r"a\.nii\.gz cannot be read"):
            read(path)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("missing", [1, 100])
def test_missing_bytes_are_noticed(tmp_path, suffix, missing):
    """Of the voxels themselves, in a file that is whole otherwise."""
    path = write(tmp_path / f"a{suffix}", full_range("uint16", (8, 9, 10)))
    content = gzip.decompress(path.read_bytes()) if suffix.endswith("gz") else path.read_bytes()
    path.write_bytes(gzip.compress(content[:-missing]) if suffix.endswith("gz") else content[:-missing])
    for read in (read_voxels, read_images):
        with pytest.raises(AiwaveError, match=rf"it holds {1440 - missing} of 1440 bytes of voxels"):
            read(path)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_header_that_claims_terabytes_takes_no_memory(tmp_path, suffix):
    path = patched(tmp_path / f"a{suffix}", noise((4, 5, 6)), at40=np.array([3, 30000, 30000, 30000], "<i2").tobytes())
    with pytest.raises(
        AiwaveError, match=r"it holds 240 of 54000000000000 bytes|has only \d+ bytes, but declares .* 54,000.0 GB"
    ):
        read_images(path)


def test_not_finite_voxels_are_read_as_stored(tmp_path):
    voxels = np.array([[[1, np.nan, -np.inf, 2.5]]], np.float32)
    (image,) = read_images(write(tmp_path / "a.nii.gz", voxels))
    np.testing.assert_array_equal(image.voxels, voxels)


def test_a_header_without_its_image(tmp_path):
    write_itk(tmp_path / "a.hdr", noise((3, 4, 5), "int16"))
    (tmp_path / "a.img").unlink()
    with pytest.raises(AiwaveError, match=r"a\.hdr (has no a\.img beside it|cannot be read)"):
        read_images(tmp_path / "a.hdr")
