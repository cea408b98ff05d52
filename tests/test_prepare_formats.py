"""Every kind of raw image comes back exactly from the files it was prepared into."""

import numpy as np
import pytest
import SimpleITK as sitk
import tifffile

from aiwave.datamodules.manifest import Manifest
from aiwave.preparing.readers import read_images
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
    assert (image.slope, image.spacing) == (0.25, (4.5, 3.0, 3.0))


def test_spacing_of_imagej(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif",
        noise((3, 4, 5), "uint8", 0, 255),
        imagej=True,
        resolution=(1 / 4.6, 1 / 4.6),
        metadata={"axes": "ZYX", "spacing": 45.0, "unit": "nm"},
    )
    (image,) = read_images(tmp_path / "a.tif")
    np.testing.assert_allclose(image.spacing, (45e-6, 4.6e-6, 4.6e-6), rtol=1e-6)
