"""Geometry and time of NIfTI files, against nibabel."""

import struct

import nibabel
import numpy as np
import pytest

from aiwave.images import Image, read_image, write_image

from ..raw_images import noise

VOLUME = noise((3, 4, 5), "int16")
TURN = np.array([[0.96, -0.28, 0], [0.28, 0.96, 0], [0, 0, 1]])
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def affine(matrix, origin=(10.0, -20.0, 30.0)):
    whole = np.eye(4)
    whole[:3, :3], whole[:3, 3] = matrix, origin
    return whole


ROTATED = affine(TURN @ np.diag([-0.8, 0.8, 2.5]))
SHEARED = affine([[-0.8, 0.3, 0.1], [0, 0.8, -0.7], [0, 0, 2.5]])


def affine_of(image):
    """Affine in nibabel's axes."""
    return LPS @ affine(np.reshape(image.direction, (3, 3)) * image.spacing[::-1], image.origin)


def saved(path, sform, scode, qform, qcode, units=2, **patches):
    image = nibabel.Nifti1Image(VOLUME, None)
    image.header.set_sform(sform, scode)
    image.header.set_qform(qform, qcode)
    image.header["xyzt_units"] = units
    content = bytearray(image.to_bytes())
    for name, data in patches.items():
        content[int(name[2:]) : int(name[2:]) + len(data)] = data
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("sform", "scode", "qform", "qcode"),
    [
        (SHEARED, 4, ROTATED, 1),
        (SHEARED, 0, ROTATED, 2),
        (SHEARED, 1, ROTATED, 0),
        (SHEARED, 0, ROTATED, 0),
        (affine(np.diag([0.8, 0.8, -2.5])), 0, affine(np.diag([0.8, 0.8, -2.5])), 1),
    ],
)
def test_affine_as_nibabel_chooses_it(tmp_path, sform, scode, qform, qcode):
    path = saved(tmp_path / "a.nii", sform, scode, qform, qcode)
    image = read_image(str(path))
    np.testing.assert_allclose(affine_of(image), nibabel.load(path).affine, atol=2e-6)
    np.testing.assert_allclose(np.linalg.norm(np.reshape(image.direction, (3, 3)), axis=0), 1, atol=1e-6)


@pytest.mark.parametrize(("units", "length"), [(0, 1), (1, 1000), (2, 1), (3, 0.001), (8, 1), (10, 1)])
def test_geometry_is_in_millimetres(tmp_path, units, length):
    image = read_image(str(saved(tmp_path / "a.nii", ROTATED, 1, ROTATED, 1, units)))
    np.testing.assert_allclose(affine_of(image), np.diag([length] * 3 + [1]) @ ROTATED, rtol=1e-6, atol=1e-7 * length)


NAN = struct.pack("<4f", *[np.nan] * 4)


@pytest.mark.parametrize(
    ("patches", "qcode", "expected"),
    [
        ({"at280": NAN}, 1, ROTATED),
        ({"at312": bytes(16)}, 1, ROTATED),
        ({"at296": NAN}, 0, affine(np.diag([-0.8, 0.8, 2.5]), (0.8, -1.2, -5))),
        ({"at280": NAN, "at256": NAN}, 1, affine(np.diag([-0.8, 0.8, 2.5]), (0.8, -1.2, -5))),
        ({"at280": NAN, "at80": bytes(12)}, 0, affine(np.diag([-1, 1, 1]), (1, -1.5, -2))),
    ],
)
def test_degenerate_forms_are_passed_over(tmp_path, patches, qcode, expected):
    path = saved(tmp_path / "a.nii", SHEARED, 1, ROTATED, qcode, **patches)
    image = read_image(str(path))
    np.testing.assert_allclose(affine_of(image), expected, atol=2e-6)
    write_image(image, str(tmp_path / "b.nii"))
    assert (tmp_path / "b.nii").read_bytes() == path.read_bytes()


def test_negative_voxel_lengths_and_long_quaternions(tmp_path):
    half = affine(np.diag([-0.8, -0.8, 2.5]))  # half a turn about z
    patches = {"at80": struct.pack("<f", -0.8), "at264": struct.pack("<f", 1.0001)}
    image = read_image(str(saved(tmp_path / "a.nii", None, 0, half, 1, **patches)))
    np.testing.assert_allclose(affine_of(image), half, atol=2e-6)


@pytest.mark.parametrize(
    ("time", "units", "period"),
    [(2.2, 10, 2.2), (2200, 18, 2.2), (2.2e6, 26, 2.2), (2.2, 2, 2.2), (1, 2, 0), (1, 10, 1), (7, 34, 0), (-1, 10, 0)],
)
def test_repetition_time(tmp_path, time, units, period):
    image = nibabel.Nifti1Image(noise((3, 4, 5, 2), "int16"), ROTATED)
    image.header["pixdim"][4], image.header["xyzt_units"] = time, units
    nibabel.save(image, tmp_path / "a.nii")
    assert read_image(str(tmp_path / "a.nii")).period == pytest.approx(period)


@pytest.mark.parametrize(("form", "qcode"), [(ROTATED, 1), (SHEARED, 0)])
def test_a_new_file_has_both_forms(tmp_path, form, qcode):
    """The qform of a sheared image, which cannot hold it, has no code."""
    lps = LPS @ form
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    direction = tuple((lps[:3, :3] / spacing).flatten().tolist())
    image = Image(noise((2, 3, 4, 5)), tuple(spacing[::-1].tolist()), tuple(lps[:3, 3]), direction, period=2.5)
    write_image(image, str(tmp_path / "a.nii.gz"))
    found = nibabel.load(tmp_path / "a.nii.gz").header
    np.testing.assert_allclose(found.get_sform(), form, atol=2e-6)
    assert (int(found["sform_code"]), int(found["qform_code"])) == (1, qcode)
    if qcode:
        np.testing.assert_allclose(found.get_qform(), form, atol=1e-5)
    assert (found.get_zooms()[3], found.get_xyzt_units()) == (2.5, ("mm", "sec"))
    again = read_image(str(tmp_path / "a.nii.gz"))
    np.testing.assert_allclose(affine_of(again), form, atol=2e-6)
    assert again.period == 2.5


def test_a_direction_that_spans_no_volume_is_written(tmp_path):
    write_image(Image(VOLUME, direction=(0.0,) * 9), str(tmp_path / "a.nii"))
    np.testing.assert_array_equal(read_image(str(tmp_path / "a.nii")).voxels, VOLUME)
