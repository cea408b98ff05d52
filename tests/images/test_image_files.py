"""Voxels come out of files exactly as they went in, or not at all."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import tifffile

from aiwave.errors import AiwaveError
from aiwave.images import image_files, read_images, read_voxels

from ..raw_images import dicom, noise, placed
from .volume_files import cut, full_range, write, write_itk

DTYPES = ["uint8", "int8", "uint16", "int16"]
ITK_SUFFIXES = [".nii", ".nii.gz", ".nrrd", ".mha", ".mhd"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("suffix", [*ITK_SUFFIXES, ".tif"])
def test_volume_is_exact(tmp_path, dtype, suffix):
    voxels = full_range(dtype, (4, 5, 6))
    path = write(tmp_path / f"a{suffix}", voxels)
    found = read_voxels(path)
    assert found.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(found, voxels)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("suffix", [".nii.gz", ".mha", ".tif"])
def test_series_is_exact(tmp_path, dtype, suffix):
    voxels = full_range(dtype, (3, 4, 5, 6))
    path = write(tmp_path / f"s{suffix}", voxels)
    np.testing.assert_array_equal(read_voxels(path), voxels)
    assert read_voxels(path).dtype == np.dtype(dtype)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha", "a.tif", "zipped.tif"])
@pytest.mark.parametrize("part", [0.001, 0.5, 0.9])
def test_truncated_file(tmp_path, name, part):
    voxels = full_range("uint16", (20, 32, 32))
    path = tmp_path / name
    if name == "zipped.tif":
        tifffile.imwrite(path, voxels, photometric="minisblack", compression="zlib")
    else:
        write(path, voxels)
    with pytest.raises(AiwaveError, match=rf"{name} cannot be read"):
        read_voxels(cut(path, part))


@pytest.mark.parametrize("suffix", [".nii", ".tif"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite(tmp_path, suffix, value):
    voxels = np.ones((4, 5, 6), np.float32)
    voxels[1, 2, 3] = value
    with pytest.raises(AiwaveError, match="holds NaN or infinite voxels"):
        read_voxels(write(tmp_path / f"a{suffix}", voxels))


@pytest.mark.parametrize("suffix", [".nii", ".tif"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_other_types_are_refused(tmp_path, suffix, dtype):
    with pytest.raises(AiwaveError, match=rf"a{suffix} holds {dtype} voxels: convert it to"):
        read_voxels(write(tmp_path / f"a{suffix}", np.ones((4, 5, 6), dtype)))


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
        read_voxels(tmp_path / name)


def test_flat_image_is_refused(tmp_path):
    with pytest.raises(AiwaveError, match=r"flat\.mha has 2 axes \[5, 6\]"):
        read_voxels(write_itk(tmp_path / "flat.mha", full_range("uint8", (5, 6))))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(AiwaveError, match=r"none\.nii"):
        read_voxels(Path(tmp_path / "none.nii"))


def shortened(path):
    path.write_bytes(path.read_bytes()[:-30])
    return path


def objects(path):
    np.save(path, np.array([[["a", None]]], object), allow_pickle=True)


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        ("a.npy", objects, "a.npy holds Python objects, which are never loaded"),
        ("a.npy", lambda path: shortened([np.save(path, noise((3, 4, 5))), path][1]), "a.npy cannot be read"),
        ("a.npy", lambda path: np.save(path, noise((9, 8, 7, 3))), "colour image"),
        ("a.npy", lambda path: np.save(path, noise((9, 8))), "2 axes"),
        (
            "a.nii",
            lambda path: shortened([sitk.WriteImage(placed(noise((3, 4, 5))), str(path)), path][1]),
            "bytes of voxels",
        ),
        (
            "a.mha",
            lambda path: shortened([sitk.WriteImage(placed(noise((3, 4, 5))), str(path)), path][1]),
            "cannot be read",
        ),
        ("a.tif", lambda path: path.write_text("hello"), "a.tif cannot be read"),
        ("a.npy", lambda path: np.savez(path.open("wb"), a=noise((3, 4, 5))), "a.npy is an archive of arrays"),
        ("a.txt", lambda path: path.write_text("hello"), "not an image that can be read"),
    ],
)
def test_raw_images_are_refused(tmp_path, name, make, words):
    make(tmp_path / name)
    with pytest.raises(AiwaveError, match=words):
        read_images(tmp_path / name)


def test_no_permission(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", noise((3, 4, 5)))
    monkeypatch.setattr(image_files.os, "access", lambda *_: False)
    with pytest.raises(AiwaveError, match=r"a\.npy cannot be read: permission denied"):
        read_images(tmp_path / "a.npy")
    dicom(tmp_path / "raw", noise((6, 8, 9), "int16"))
    monkeypatch.setattr(image_files.os, "access", lambda path, mode: path.name != "002_2.dcm")
    with pytest.raises(AiwaveError, match=r"002_2\.dcm cannot be read: permission denied"):
        read_images(tmp_path / "raw")
