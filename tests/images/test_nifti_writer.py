"""NIfTI files written again as they were, and changed only where they must be."""

import gzip
import warnings
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from aiwave.images import Image, Original, part_of, read_image, write_image
from aiwave.images.image_files import lost_by

from ..raw_images import noise
from .test_nifti_geometry import ROTATED, SHEARED

SHIPPED = Path(nibabel.__file__).parent / "tests/data"
NAMES = sorted(path.name for path in SHIPPED.glob("*.nii*"))


def content(path):
    data = Path(path).read_bytes()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def again(path, image, suffix=".nii"):
    written = path.with_name(f"again{suffix}")
    write_image(image, str(written))
    return written


def rich(path, array, order="<", kind=nibabel.Nifti1Image, units=("mm", "sec"), **fields):
    """A file with two affines, texts, intents and an extension."""
    header = kind.header_class(endianness=order)
    header.set_data_dtype(array.dtype)
    image = kind(array, None, header, dtype=array.dtype)
    image.header.set_sform(SHEARED, 4)
    image.header.set_qform(ROTATED, 1)
    image.header.set_xyzt_units(*units)
    image.header.set_intent("t test", (10.0,), name="tmap")
    given = {"descrip": b"FSL6", "aux_file": b"none.lut", "cal_max": 900, "cal_min": 3, "toffset": 7.5, "slice_code": 2}
    for name, value in (given | fields).items():
        image.header[name] = value
    if array.ndim > 3:
        image.header["pixdim"][4] = 2.2
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"acquired on a Monday"))
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("name", NAMES)
def test_files_of_nibabel_come_back(tmp_path, name, suffix):
    image = read_image(str(SHIPPED / name))
    written = again(tmp_path / name, replace(image, voxels=image.voxels.copy()), suffix)
    assert content(written) == content(SHIPPED / name)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("shape", [(6, 5, 4), (6, 5, 4, 3), (6, 5, 4, 1), (6, 5, 4, 1, 3), (6, 5)])
def test_the_whole_comes_back(tmp_path, shape, kind, order):
    path = rich(tmp_path / "a.nii", noise(shape, "int16"), order, kind)
    image = read_image(str(path))
    assert again(path, image).read_bytes() == path.read_bytes()
    assert image.period == pytest.approx(2.2 if len(shape) == 4 and shape[3] > 1 else 0)


@pytest.mark.parametrize("letters", ["RGB", "RGBA"])
def test_colours_come_back(tmp_path, letters):
    pixels = noise((6, 5, 4, len(letters)), "uint8", 0, 255).view([(letter, "u1") for letter in letters])[..., 0]
    path = rich(tmp_path / "a.nii", pixels)
    image = read_image(str(path))
    assert again(path, image).read_bytes() == path.read_bytes()
    part = replace(part_of(image, (1, 0, 2), 0), voxels=image.voxels[:, 1:, :, 2:])
    written = again(path, part)
    np.testing.assert_array_equal(np.asarray(nibabel.load(written).dataobj), pixels[2:, :, 1:])
    np.testing.assert_array_equal(read_image(str(written)).voxels, part.voxels)


@pytest.mark.parametrize("kind", [nibabel.Nifti1Pair, nibabel.Nifti2Pair])
def test_a_pair_becomes_a_single_file(tmp_path, kind):
    array = noise((6, 5, 4), "int16")
    path = rich(tmp_path / "a.img", array, ">", kind).with_suffix(".hdr")
    written = again(path, read_image(str(path)))
    before, after = (nibabel.load(file) for file in (path, written))
    np.testing.assert_array_equal(np.asarray(after.dataobj), array)
    changed = {name for name in before.header if before.header[name].tobytes() != after.header[name].tobytes()}
    assert changed == {"magic"}  # nibabel hides the start
    assert after.header.extensions[0].get_content() == b"acquired on a Monday"
    assert (len(written.read_bytes()) - array.nbytes) % 16 == 0


def test_analyze_becomes_nifti(tmp_path):
    array = noise((6, 5, 4), "int16")
    header = nibabel.Spm2AnalyzeHeader(endianness=">")
    header.set_data_dtype(array.dtype)
    image = nibabel.Spm2AnalyzeImage(array, np.diag([-2.0, 2.0, 3.0, 1.0]), header)
    image.header["descrip"], image.header["origin"][:3], image.header["cal_max"] = b"SPM2", (2, 3, 4), 700
    nibabel.save(image, tmp_path / "a.img")
    (tmp_path / "a.mat").unlink(missing_ok=True)
    image = read_image(str(tmp_path / "a.img"))
    assert image.original.data == (tmp_path / "a.hdr").read_bytes()
    found = nibabel.load(again(tmp_path / "a.img", image))
    np.testing.assert_array_equal(np.asarray(found.dataobj), array)
    np.testing.assert_array_equal(found.affine, nibabel.load(tmp_path / "a.img").affine)
    assert found.header.endianness == ">"
    assert (found.header["descrip"].item(), found.header["cal_max"]) == (b"SPM2", 700)


@pytest.mark.parametrize("units", ["mm", "micron", "meter"])
@pytest.mark.parametrize("level", [0, 1])
def test_a_part_changes_its_axes_and_place(tmp_path, level, units):
    array = noise((8, 10, 12, 3), "int16")
    path = rich(tmp_path / "a.nii", array, ">", units=(units, "sec"))
    image, step = read_image(str(path)), 1 << level
    part = replace(part_of(image, (2, 4, 6), level), voxels=image.voxels[:, 2::step, 4::step, 6::step])
    before, after = nibabel.load(path), nibabel.load(again(path, part))
    np.testing.assert_array_equal(np.asarray(after.dataobj), array[6::step, 4::step, 2::step])
    changed = {name for name in before.header if before.header[name].tobytes() != after.header[name].tobytes()}
    expected = {"dim", "srow_x", "srow_y", "srow_z", "qoffset_x", "qoffset_y", "qoffset_z"}
    assert changed == expected | ({"pixdim"} if level else set())
    move = np.diag([step, step, step, 1.0])
    move[:3, 3] = 6, 4, 2
    np.testing.assert_allclose(after.header.get_sform(), before.header.get_sform() @ move, rtol=1e-6)
    np.testing.assert_allclose(after.header.get_qform(), before.header.get_qform() @ move, rtol=1e-6)
    assert after.header.get_zooms()[3] == before.header.get_zooms()[3]
    assert after.header.extensions == before.header.extensions


@pytest.mark.parametrize("code", [0, 1])
def test_a_part_of_a_file_without_sound_forms_keeps_its_place(tmp_path, code):
    image = nibabel.Nifti1Image(noise((6, 5, 4), "int16"), None)
    image.header.set_zooms((2, 3, 4))
    image.header["sform_code"], image.header["srow_x"] = code, np.nan
    nibabel.save(image, tmp_path / "a.nii")
    whole = read_image(str(tmp_path / "a.nii"))
    part = replace(part_of(whole, (1, 1, 1), 0), voxels=whole.voxels[1:, 1:, 1:])
    found = read_image(str(again(tmp_path / "a.nii", part)))
    assert (found.origin, found.spacing, found.direction) == (part.origin, part.spacing, part.direction)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "bool"])
def test_another_type_changes_only_the_type(tmp_path, dtype):
    path = rich(tmp_path / "a.nii", noise((6, 5, 4), "int16", 0, 2), scl_slope=0.5, scl_inter=3)
    image = read_image(str(path))
    before, after = path.read_bytes(), again(path, replace(image, voxels=image.voxels.astype(dtype))).read_bytes()
    assert {k for k in range(384) if before[k] != after[k]} <= {70, 71, 72, 73}
    assert read_image(str(tmp_path / "again.nii")).slope == 0.5


def test_one_volume_of_a_series(tmp_path):
    path = rich(tmp_path / "a.nii", noise((6, 5, 4, 3), "int16"))
    written = nibabel.load(again(path, read_image(str(path)).frames()[1]))
    assert written.header["dim"].tolist() == [4, 6, 5, 4, 1, 1, 1, 1]
    assert written.header.get_intent() == ("t test", (10.0,), "tmap")


@pytest.mark.parametrize("data", [b"", bytes(352), b"\x5c\1\0\0" + bytes(500)])
def test_an_original_that_is_damaged_is_left_out(tmp_path, data):
    image = Image(noise((3, 4, 5)), original=Original("nifti", data))
    write_image(image, str(tmp_path / "a.nii"))
    write_image(replace(image, original=None), str(tmp_path / "b.nii"))
    assert (tmp_path / "a.nii").read_bytes() == (tmp_path / "b.nii").read_bytes()


@pytest.mark.parametrize("dtype", ["bool", "float16", "uint64", "float64"])
def test_new_files_hold_every_type(tmp_path, dtype):
    voxels = noise((3, 4, 5), dtype, 0, 2)
    write_image(Image(voxels, slope=0.5, intercept=-3.0), str(tmp_path / "a.nii"))
    found = nibabel.load(tmp_path / "a.nii")
    np.testing.assert_array_equal(found.get_fdata(), voxels.T * 0.5 - 3)


def test_new_files_hold_channels(tmp_path):
    image = Image(noise((3, 4, 5, 6), "int16"), channels=True)
    assert lost_by("a.nii", image) == []
    write_image(image, str(tmp_path / "a.nii.gz"))
    found = read_image(str(tmp_path / "a.nii.gz"))
    assert found.channels
    np.testing.assert_array_equal(found.voxels, image.voxels)
    vectors = sitk.ReadImage(str(tmp_path / "a.nii.gz"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(vectors), np.moveaxis(image.voxels, 0, -1))


def test_long_axes_take_nifti_2(tmp_path):
    voxels = noise((1, 2, 40000), "uint8", 0, 255)
    write_image(Image(voxels), str(tmp_path / "a.nii"))
    assert isinstance(nibabel.load(tmp_path / "a.nii"), nibabel.Nifti2Image)
    np.testing.assert_array_equal(read_image(str(tmp_path / "a.nii")).voxels, voxels)


def test_bytes_are_the_same_every_time(tmp_path):
    image = Image(noise((3, 4, 5)))
    files = [again(tmp_path / "x", image, f"{k}.nii.gz").read_bytes() for k in range(2)]
    assert files[0] == files[1]
    assert files[0][4:8] == bytes(4)  # no time


def test_nothing_is_warned_of(tmp_path):
    path = rich(tmp_path / "a.nii", noise((6, 5, 4), "int16"), scl_slope=np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = read_image(str(path))
        again(path, replace(image, voxels=image.voxels[1:], original=image.original))
