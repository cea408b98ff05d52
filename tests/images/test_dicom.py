"""DICOM series as images: stored voxels, order and place of slices, rescaling, modality."""

import numpy as np
import pytest
import SimpleITK as sitk

from aiwave.errors import AiwaveError
from aiwave.images import read_image, read_images

from ..raw_images import CT, MR, dicom, noise, placed


@pytest.mark.parametrize(
    ("slope", "intercept", "sop", "modality"), [(1, 0, CT, "CT"), (1, -1024, CT, "CT"), (0.37, 12.5, MR, "MR")]
)
def test_series_is_stored_voxels_with_their_place(tmp_path, slope, intercept, sop, modality):
    stored = noise((5, 8, 9), "int16", -900, 900)
    dicom(tmp_path, stored, slope, intercept, sop=sop)
    image = read_image(str(tmp_path))
    np.testing.assert_array_equal(image.voxels, stored)
    assert image.voxels.dtype == np.int16
    assert (image.slope, image.intercept, image.modality) == (slope, intercept, modality)
    expected = placed(stored)
    np.testing.assert_allclose(image.spacing, expected.GetSpacing()[::-1], rtol=1e-6)
    np.testing.assert_allclose(image.origin, expected.GetOrigin(), rtol=1e-6)
    np.testing.assert_allclose(image.direction, expected.GetDirection(), atol=1e-6)


def test_several_slices_at_each_place_are_a_series_in_time(tmp_path):
    first, second = (noise((3, 8, 9), seed=seed) for seed in range(2))
    dicom(tmp_path, first, signed=False)
    dicom(tmp_path, second, signed=False, first=100)
    np.testing.assert_array_equal(read_image(str(tmp_path)).voxels, np.stack([first, second]))


def test_a_folder_of_two_series_is_two_images(tmp_path):
    voxels = [noise((3, 8, 9), seed=seed) for seed in range(2)]
    for k in (1, 0):
        dicom(tmp_path / f"series{1 - k}", voxels[k], series=f"1.2.3.{k}", signed=False)
    for image, expected in zip(read_images(tmp_path), voxels, strict=True):
        np.testing.assert_array_equal(image.voxels, expected)
    with pytest.raises(AiwaveError, match="holds 2 series: give the folder of one"):
        read_image(str(tmp_path))


def test_a_slice_that_is_missing_is_named(tmp_path):
    dicom(tmp_path, noise((6, 8, 9), "int16"))[3].unlink()
    with pytest.raises(AiwaveError, match=r"slices are missing between .*\(number 3\) and .*\(number 5\)"):
        read_images(tmp_path)


def test_colours_are_refused(tmp_path):
    sitk.WriteImage(sitk.Image([8, 9, 1], sitk.sitkVectorUInt8, 3), str(tmp_path / "rgb.dcm"))
    with pytest.raises(AiwaveError, match=r"rgb\.dcm is a colour image"):
        read_images(tmp_path / "rgb.dcm")
