"""Place, order and choice of DICOM slices, against the positions that their files declare."""

import shutil

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from aiwave.errors import AiwaveError
from aiwave.images import dicom, read_image, read_images
from aiwave.images.dicom_original import rescales
from aiwave.images.image_files import lost_by

from .dicom_files import PACKAGED, SIEMENS_AND_PHILIPS, ct, series, unzipped, wrapper


def test_a_tilted_stack_is_sheared_so_that_every_slice_is_at_its_position(tmp_path):
    c, s = float(np.cos(0.26)), float(np.sin(0.26))
    voxels = series(tmp_path, change=lambda data, k: setattr(data, "ImageOrientationPatient", [1, 0, 0, 0, c, -s]))
    image = read_image(str(tmp_path))
    np.testing.assert_array_equal(image.voxels, voxels)
    assert image.spacing[0] == pytest.approx(5)
    for k in range(8):
        assert image.position((k, 0, 0)) == pytest.approx((0, 0, 5 * k), abs=1e-9)
    y = ct().PixelSpacing[0]
    assert image.position((2, 3, 0)) == pytest.approx((0, 3 * y * c, 10 - 3 * y * s))


def test_rounded_positions_are_no_tilt(tmp_path):
    turned = [0.8, 0.6, 0, 0, 0, -1]
    normal = np.cross(turned[:3], turned[3:])

    def change(data, k):
        data.ImageOrientationPatient, data.ImagePositionPatient = turned, np.round(2.5 * k * normal, 2).tolist()

    series(tmp_path, change=change)
    image = read_image(str(tmp_path))
    np.testing.assert_allclose(np.reshape(image.direction, (3, 3))[:, 2], normal, atol=1e-12)
    itk = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path)))
    np.testing.assert_array_equal(image.voxels - 1024, sitk.GetArrayFromImage(itk))
    np.testing.assert_allclose(image.direction, itk.GetDirection(), atol=1e-6)
    np.testing.assert_allclose(image.spacing[::-1], itk.GetSpacing(), rtol=1e-3)


def test_slices_beside_the_line_of_the_others_are_refused(tmp_path):
    series(tmp_path, change=lambda data, k: setattr(data, "ImagePositionPatient", [20 * (k == 3), 0, 5 * k]))
    with pytest.raises(AiwaveError, match=r"\(number 4\) lies 20 mm beside the line of the other slices"):
        read_images(tmp_path)


def test_slices_without_positions_are_one_volume_by_number(tmp_path):
    def change(data, k):
        del data.ImagePositionPatient, data.ImageOrientationPatient
        data.SpacingBetweenSlices = 3

    voxels = series(tmp_path, 12, change)
    image = read_image(str(tmp_path))
    np.testing.assert_array_equal(image.voxels, voxels)
    assert image.spacing == pytest.approx((3, *ct().PixelSpacing))
    assert image.origin == (0, 0, 0)


def test_a_slice_without_a_position_is_not_mixed_with_others(tmp_path):
    series(tmp_path, change=lambda data, k: delattr(data, "ImagePositionPatient") if k == 7 else None)
    with pytest.raises(AiwaveError, match="has no position, unlike"):
        read_images(tmp_path)


def test_slopes_of_slices_that_differ_are_left_to_the_header(tmp_path):
    voxels = series(tmp_path, change=lambda data, k: setattr(data, "RescaleSlope", str(1 + k / 10)))
    image = read_image(str(tmp_path))
    np.testing.assert_array_equal(image.voxels, voxels)
    assert (image.slope, image.intercept) == (1, 0)
    assert rescales(image.original) == [(1 + k / 10, -1024) for k in range(8)]
    assert "slope and intercept of each slice" in lost_by("a.nii.gz", image)


def test_repeated_volumes_have_a_period(tmp_path):
    for time in range(3):
        series(tmp_path, 4, lambda data, k: setattr(data, "RepetitionTime", "2200"), first=10 * time)
    image = read_image(str(tmp_path))
    assert (image.voxels.shape, image.period, image.channels) == ((3, 4, 128, 128), 2.2, False)


def test_other_objects_beside_the_slices_are_counted_and_skipped(tmp_path):
    voxels = series(tmp_path / "all")
    for name in ("rtstruct.dcm", "test-SR.dcm", "reportsi.dcm", "dicomdirtests/DICOMDIR-implicit"):
        shutil.copy(PACKAGED / name, tmp_path / "all")
    np.testing.assert_array_equal(read_image(str(tmp_path / "all")).voxels, voxels)
    skipped = dicom.contents(tmp_path / "all").skipped
    assert skipped == {
        "RT Structure Set": 1, "Comprehensive SR": 1, "Basic Text SR": 1, "Media Storage Directory": 1
    }  # fmt: skip
    shutil.rmtree(tmp_path / "all")
    (tmp_path / "all").mkdir()
    shutil.copy(PACKAGED / "rtstruct.dcm", tmp_path / "all")
    with pytest.raises(AiwaveError, match="holds no image, but 1 RT Structure Set"):
        read_images(tmp_path / "all")


def test_a_file_cut_in_its_header_is_not_skipped(tmp_path):
    series(tmp_path)
    last = next(tmp_path.glob("*_7.dcm"))
    last.write_bytes(last.read_bytes()[:1500])
    with pytest.raises(AiwaveError, match=r"_7\.dcm is a CT Image without pixels"):
        read_images(tmp_path)


def test_one_of_several_series_is_chosen(tmp_path):
    def change(data, k):
        data.SeriesNumber, data.SeriesDescription = 7, "Thorax"

    late = series(tmp_path / "a", 4, change, uid="1.2.3.1")
    early = series(tmp_path / "b", 3, lambda data, k: setattr(data, "SeriesNumber", 2), uid="1.2.3.2")
    found = dicom.contents(tmp_path).series
    assert [(one.number, one.description, one.modality, one.stack.shape) for one in found] == [
        ("2", "", "CT", (3, 128, 128)),
        ("7", "Thorax", "CT", (4, 128, 128)),
    ]
    np.testing.assert_array_equal(read_image(str(tmp_path), series=1).voxels, early)
    np.testing.assert_array_equal(read_image(str(tmp_path), series=2).voxels, late)
    listed = r"--series: 1: no description \(CT, 3 slices\); 2: Thorax \(CT, 4 slices\)\.$"
    with pytest.raises(AiwaveError, match="holds 2 series: .*" + listed):
        read_image(str(tmp_path))
    with pytest.raises(AiwaveError, match="has no series 3: .*" + listed):
        read_image(str(tmp_path), series=3)
    np.save(tmp_path / "a.npy", early)
    with pytest.raises(AiwaveError, match="is neither DICOM nor TIFF"):
        read_image(str(tmp_path / "a.npy"), series=1)


def test_a_screenshot_beside_the_slices_is_a_series_of_its_own(tmp_path):
    voxels = series(tmp_path, 4)
    shutil.copy(PACKAGED / "examples_rgb_color.dcm", tmp_path)
    np.testing.assert_array_equal(read_image(str(tmp_path), series=1).voxels, voxels)
    with pytest.raises(AiwaveError, match=r"examples_rgb_color\.dcm is a colour image"):
        read_image(str(tmp_path), series=2)


def test_orientations_within_a_series_are_volumes_of_their_own(tmp_path):
    series(tmp_path, 4)

    def turn(data, k):
        data.ImageOrientationPatient, data.ImagePositionPatient = [1, 0, 0, 0, 0, -1], [0, 5 * k, 0]

    series(tmp_path, 3, turn, first=10)
    assert [one.stack.shape for one in dicom.contents(tmp_path).series] == [(4, 128, 128), (3, 128, 128)]
    next(tmp_path.glob("*_12.dcm")).unlink()
    assert len(dicom.contents(tmp_path).series) == 1
    with pytest.raises(AiwaveError, match="has another orientation than"):
        read_images(tmp_path)


def test_a_mosaic_has_its_tiles_where_nibabel_puts_them(tmp_path):
    path = unzipped("siemens_dwi_0.dcm.gz", tmp_path)
    image = read_image(str(path))
    nib = wrapper(path)
    assert nib.is_mosaic
    np.testing.assert_array_equal(image.voxels, nib.get_unscaled_data().transpose(2, 0, 1))
    for i, j, k in ((0, 0, 0), (5, 9, 47), (127, 0, 20)):  # row, column, slice
        expected = nib.affine @ [i, j, k, 1]
        assert image.position((k, i, j)) == pytest.approx(expected[:3], abs=1e-3)


def test_mosaics_of_a_series_are_times(tmp_path):
    for name in ("siemens_dwi_0.dcm.gz", "siemens_dwi_1000.dcm.gz"):
        unzipped(name, tmp_path)
    image = read_image(str(tmp_path))
    assert image.voxels.shape == (2, 48, 128, 128)
    for path, volume in zip(sorted(tmp_path.iterdir()), image.voxels, strict=True):
        np.testing.assert_array_equal(volume, wrapper(path).get_unscaled_data().transpose(2, 0, 1))
    assert image.period > 0


def test_a_mosaic_with_the_other_slice_direction(tmp_path):
    path = unzipped("siemens_dwi_0.dcm.gz", tmp_path)
    data = pydicom.dcmread(path)
    cosines = data.ImageOrientationPatient
    data.ImageOrientationPatient = [*[-value for value in cosines[:3]], *cosines[3:]]
    data.save_as(path)
    image, nib = read_image(str(path)), wrapper(path)
    np.testing.assert_array_equal(image.voxels[::-1], nib.get_unscaled_data().transpose(2, 0, 1))
    expected = nib.affine @ [3, 4, 47, 1]
    assert image.position((0, 3, 4)) == pytest.approx(expected[:3], abs=1e-3)
    assert np.linalg.det(np.reshape(image.direction, (3, 3))) == pytest.approx(1)


def test_a_mosaic_of_unknown_layout_is_refused(tmp_path):
    path = unzipped("siemens_dwi_0.dcm.gz", tmp_path)
    data = pydicom.dcmread(path)
    data.remove_private_tags()
    data.save_as(path)
    with pytest.raises(AiwaveError, match="is a Siemens mosaic, but its number of tiles is not declared"):
        read_images(path)
    with pytest.raises(AiwaveError, match="its 256×256 pixels are not those of 48 tiles"):
        read_images(SIEMENS_AND_PHILIPS / "0.dcm")


def test_a_repeated_slice_is_named_with_what_it_repeats(tmp_path):
    series(tmp_path, 6)

    def repeat(data, k):
        data.ImagePositionPatient = [0, 0, 10]

    series(tmp_path, 1, repeat, first=90)
    with pytest.raises(AiwaveError) as caught:
        read_images(tmp_path)
    named = str(caught.value).count("(number ")
    assert "(number 3)" in str(caught.value)
    assert "(number 91)" in str(caught.value)
    assert named == 2
    assert "most positions of the series have 1 slice: move the repeated ones elsewhere." in str(caught.value)
