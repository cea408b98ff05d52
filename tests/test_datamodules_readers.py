"""Voxels come out of files exactly as they went in, or not at all."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import tifffile

from aiwave.datamodules.readers import SimpleITKReader, TiffReader, load_volumes, read_header
from aiwave.errors import AiwaveError

DTYPES = ["uint8", "int8", "uint16", "int16"]
ITK_SUFFIXES = [".nii", ".nii.gz", ".nrrd", ".mha", ".mhd"]


def full_range(dtype, shape, seed=0):
    limits = np.iinfo(dtype)
    voxels = np.random.default_rng(seed).integers(limits.min, limits.max + 1, shape).astype(dtype)
    voxels.flat[:2] = limits.min, limits.max
    return voxels


def write_itk(path, voxels, **kwargs):
    sitk.WriteImage(sitk.GetImageFromArray(voxels, **kwargs), str(path))
    return path


def write_tiff(path, voxels, **kwargs):
    tifffile.imwrite(path, voxels, photometric="minisblack", **kwargs)
    return path


def write(path, voxels):
    return write_tiff(path, voxels) if path.suffix == ".tif" else write_itk(path, voxels, isVector=False)


def cut(path, part):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    return path


def load_one(path):
    (volume,) = load_volumes(path, "set")
    return volume


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("suffix", [*ITK_SUFFIXES, ".tif"])
def test_volume_is_exact(tmp_path, dtype, suffix):
    voxels = full_range(dtype, (4, 5, 6))
    path = write(tmp_path / f"a{suffix}", voxels)
    volume = load_one(path)
    assert volume.voxels.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(volume.voxels, voxels)
    assert (volume.dataset, volume.file) == ("set", f"a{suffix}")
    assert read_header(path).shape == (4, 5, 6)
    assert read_header(path).dtype == np.dtype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("suffix", [".nii.gz", ".mha", ".tif"])
def test_series_is_its_frames(tmp_path, dtype, suffix):
    voxels = full_range(dtype, (3, 4, 5, 6))
    path = write(tmp_path / f"s{suffix}", voxels)
    volumes = list(load_volumes(path, "set"))
    assert [v.file for v in volumes] == [f"s{suffix}#{t}" for t in range(3)]
    np.testing.assert_array_equal(np.stack([v.voxels for v in volumes]), voxels)
    assert volumes[0].voxels.dtype == np.dtype(dtype)
    assert read_header(path).shape == (3, 4, 5, 6)
    assert read_header(path).volume_shape == (4, 5, 6)


def test_series_that_simpleitk_wrote_as_vectors(tmp_path):
    voxels = full_range("uint16", (3, 4, 5, 6))
    path = write_itk(tmp_path / "s.nii.gz", voxels, isVector=True)
    np.testing.assert_array_equal(np.stack([v.voxels for v in load_volumes(path, "set")]), voxels)
    assert read_header(path).shape == voxels.shape


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "zlib"},
        {"byteorder": ">"},
        {"imagej": True, "metadata": {"axes": "ZYX"}},
        {"metadata": None},
    ],
    ids=str,
)
def test_kinds_of_tiff(tmp_path, options):
    voxels = full_range("uint16", (4, 5, 6))
    path = write_tiff(tmp_path / "a.tif", voxels, **options)
    volume = load_one(path)
    assert volume.voxels.dtype == np.uint16
    assert volume.voxels.dtype.isnative
    np.testing.assert_array_equal(volume.voxels, voxels)
    assert read_header(path).shape == voxels.shape


def test_single_page_is_a_volume_of_one_slice(tmp_path):
    page = full_range("uint8", (5, 6))
    np.testing.assert_array_equal(load_one(write_tiff(tmp_path / "p.tif", page)).voxels, page[None])


@pytest.mark.parametrize("reader", [SimpleITKReader, TiffReader])
def test_readers_work_in_load_imaged(tmp_path, reader):
    from monai.transforms.io.dictionary import LoadImaged

    voxels = full_range("uint16", (4, 5, 6))
    path = write(tmp_path / ("a.tif" if reader is TiffReader else "a.nii.gz"), voxels)
    image = LoadImaged("image", reader=reader, dtype=None)({"image": path})["image"]
    np.testing.assert_array_equal(image.numpy(), voxels)
    assert image.meta["stored_dtype"] == "uint16"


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha", "a.tif", "zipped.tif"])
@pytest.mark.parametrize("part", [0.001, 0.5, 0.9])
def test_truncated_file(tmp_path, name, part):
    voxels = full_range("uint16", (20, 32, 32))
    path = tmp_path / name
    if name == "zipped.tif":
        write_tiff(path, voxels, compression="zlib")
    else:
        write(path, voxels)
    with pytest.raises(AiwaveError, match=rf"{name} cannot be read"):
        list(load_volumes(cut(path, part), "set"))


def test_lost_pages_of_a_plain_tiff(tmp_path):
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as stack:
        for page in full_range("uint8", (10, 16, 16)):
            stack.write(page, metadata=None, contiguous=False)
    with pytest.raises(AiwaveError, match="truncated"):
        list(load_volumes(cut(path, 0.6), "set"))


@pytest.mark.parametrize("suffix", [".nii", ".tif"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite(tmp_path, suffix, value):
    voxels = np.ones((4, 5, 6), np.float32)
    voxels[1, 2, 3] = value
    with pytest.raises(AiwaveError, match="holds NaN or infinite voxels"):
        load_one(write(tmp_path / f"a{suffix}", voxels))


@pytest.mark.parametrize("suffix", [".nii", ".tif"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_other_types_are_refused(tmp_path, suffix, dtype):
    with pytest.raises(AiwaveError, match=rf"a{suffix} holds {dtype} voxels: convert it to"):
        load_one(write(tmp_path / f"a{suffix}", np.ones((4, 5, 6), dtype)))


def colour_tiff(path):
    tifffile.imwrite(path, full_range("uint8", (4, 5, 6, 3)), photometric="rgb")


def colour_nifti(path):
    write_itk(path, full_range("uint8", (4, 5, 6, 3)), isVector=True)


def many_channels(path):
    write_itk(path, full_range("uint8", (4, 5, 6, 7)), isVector=True)


@pytest.mark.parametrize(("name", "make"), [("c.tif", colour_tiff), ("c.nii", colour_nifti), ("c.nrrd", many_channels)])
def test_colour_is_refused(tmp_path, name, make):
    make(tmp_path / name)
    with pytest.raises(AiwaveError, match=rf"{name} is a colour image"):
        load_one(tmp_path / name)


def test_flat_image_is_refused(tmp_path):
    with pytest.raises(AiwaveError, match=r"flat\.mha has 2 axes \[5, 6\]"):
        load_one(write_itk(tmp_path / "flat.mha", full_range("uint8", (5, 6))))


def test_pages_of_different_shapes_are_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "mixed.tif") as stack:
        for side in (5, 6):
            stack.write(full_range("uint8", (side, side)))
    with pytest.raises(AiwaveError, match=r"mixed\.tif holds 2 images of different shapes"):
        load_one(tmp_path / "mixed.tif")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(AiwaveError, match=r"none\.nii"):
        load_one(Path(tmp_path / "none.nii"))
