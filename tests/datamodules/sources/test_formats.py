"""Every kind of raw image comes back exactly from the files it was prepared into."""

import numpy as np
import pytest
import SimpleITK as sitk
import tifffile

from aiwave.datamodules.manifest import Manifest
from tests.raw_images import CT, MR, NO_SPLIT, dicom, noise, pixels, placed, prepare, restored

SMALL = "source.crops.size=[4,8,8]"


def same_place(image, expected):
    np.testing.assert_allclose(image.spacing, expected.GetSpacing()[:3][::-1], rtol=1e-6)
    np.testing.assert_allclose(image.origin, expected.GetOrigin()[:3], rtol=1e-5, atol=1e-6)
    axes = expected.GetDimension()
    direction = np.reshape(expected.GetDirection(), (axes, axes))[:3, :3]
    np.testing.assert_allclose(np.reshape(image.direction, (3, 3)), direction, atol=1e-6)


@pytest.mark.parametrize(
    ("slope", "intercept", "sop", "low", "high", "dtype"),
    [
        (1, -1024, CT, 0, 4096, "<i2"),
        (1, 0, CT, -1024, 3000, "<i2"),
        (2, -1024, CT, -500, 30000, "<i2"),
        (0.37, 12.5, CT, -2000, 2000, "<i2"),
        (0.0123, 0, MR, 0, 30000, "<i2"),
        (1, -1024, CT, 0, 65536, "<u2"),
    ],
)
def test_dicom_series_is_bit_exact(tmp_path, slope, intercept, sop, low, high, dtype):
    stored = noise((9, 20, 17), np.dtype(dtype), low, high)
    files = dicom(tmp_path / "raw", stored, slope, intercept, sop=sop, signed=dtype == "<i2")
    np.testing.assert_array_equal(np.stack([pixels(file, (20, 17), dtype) for file in files]), stored)  # ITK wrote them
    assert prepare(tmp_path / "raw", tmp_path / "out", SMALL, *NO_SPLIT) == 0
    (volume,) = restored(tmp_path / "out/set", "raw").values()
    np.testing.assert_array_equal(volume.voxels, stored)
    assert (volume.slope, volume.intercept) == (slope, intercept)
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path / "raw"))
    series = sitk.ReadImage(names)
    same_place(volume, series)
    physical = volume.slope * volume.voxels + volume.intercept
    np.testing.assert_array_equal(physical, sitk.GetArrayFromImage(series))


def test_several_series_and_times_of_a_folder_are_one_subject(tmp_path):
    first, second, third = (noise((3, 8, 9), seed=seed) for seed in range(3))
    dicom(tmp_path / "raw/one/a", first, series="1.2.3.1", signed=False)
    dicom(tmp_path / "raw/one/b", second, series="1.2.3.2", signed=False)
    dicom(tmp_path / "raw/one/c", third, series="1.2.3.2", signed=False, first=100)
    dicom(tmp_path / "raw/two", first, series="1.2.3.9", signed=False)
    assert prepare(tmp_path / "raw", tmp_path / "out", SMALL, *NO_SPLIT) == 0
    volumes = restored(tmp_path / "out/set", "one")
    for time, voxels in enumerate((first, second, third)):
        np.testing.assert_array_equal(volumes[time].voxels, voxels)
    assert {entry.subject for entry in Manifest.read(tmp_path / "out/set").entries} == {"one", "two"}


def analyze(path, voxels):
    sitk.WriteImage(placed(voxels), str(path))
    assert path.with_suffix(".img").exists()


def tiff_folder(path, voxels):
    path.mkdir()
    for k, page in enumerate(voxels):
        tifffile.imwrite(path / f"s{k}.tif", page)  # s10 comes after s9


WRITE = {
    "a.nii": lambda path, voxels: sitk.WriteImage(placed(voxels), str(path)),
    "a.nii.gz": lambda path, voxels: sitk.WriteImage(placed(voxels), str(path)),
    "a.hdr": analyze,
    "a.nrrd": lambda path, voxels: sitk.WriteImage(placed(voxels), str(path)),
    "a.mha": lambda path, voxels: sitk.WriteImage(placed(voxels), str(path)),
    "a.mhd": lambda path, voxels: sitk.WriteImage(placed(voxels), str(path)),
    "a.tif": lambda path, voxels: tifffile.imwrite(path, voxels, photometric="minisblack"),
    "a.npy": np.save,
    "a": tiff_folder,
}


@pytest.mark.parametrize("suffix", [".tif", ".nii.gz"])
@pytest.mark.parametrize("name", WRITE)
def test_formats_are_exact(tmp_path, name, suffix):
    voxels = noise((12, 19, 21), "int16", -3000, 3000)
    (tmp_path / "raw").mkdir()
    WRITE[name](tmp_path / "raw" / name, voxels)
    assert prepare(tmp_path / "raw", tmp_path / "out", SMALL, f"source.suffix={suffix}", *NO_SPLIT) == 0
    (volume,) = restored(tmp_path / "out/set", "a").values()
    np.testing.assert_array_equal(volume.voxels, voxels)
    if name.endswith((".nii", ".gz", ".nrrd", ".mha", ".mhd")):
        same_place(volume, placed(voxels))


@pytest.mark.parametrize("name", ["a.nii.gz", "a.mha", "a.nrrd", "a.tif", "a.npy"])
def test_time_becomes_volumes(tmp_path, name):
    voxels = noise((3, 5, 9, 11))
    (tmp_path / "raw").mkdir()
    WRITE[name](tmp_path / "raw" / name, voxels)
    assert prepare(tmp_path / "raw", tmp_path / "out", SMALL, *NO_SPLIT) == 0
    volumes = restored(tmp_path / "out/set", "a")
    np.testing.assert_array_equal(np.stack([volumes[time].voxels for time in range(3)]), voxels)
