"""Tiny images in the formats in which the sources publish theirs, as bytes."""

import struct

import numpy as np
import SimpleITK as sitk


def noise(shape, low, high, dtype, seed=0):
    return np.random.default_rng(seed).integers(low, high, shape).astype(dtype)


def nifti(voxels, folder, spacing=(5.0, 0.8, 0.7)):
    """A .nii.gz of (D, H, W) with spacing (z, y, x) in mm."""
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(spacing[::-1])
    sitk.WriteImage(image, str(folder / "image.nii.gz"))
    return (folder / "image.nii.gz").read_bytes()


def dicom_slices(voxels, folder, spacing=(2.0, 0.8, 0.7)):
    """CHAOS's names -> the slices of a series, from the top down."""
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    found = {}
    for number, plane in enumerate(voxels):
        image = sitk.GetImageFromArray(plane[None])
        image.SetSpacing(spacing[::-1])
        for tag, value in {
            "0008|0060": "CT",
            "0008|0018": f"1.2.3.4.{number + 1}",
            "0020|000e": "1.2.3.5",
            "0020|000d": "1.2.3.6",
            "0020|0013": str(number + 1),
            "0020|0032": f"0\\0\\{number * spacing[0]}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
        }.items():
            image.SetMetaData(tag, value)
        name = f"i{len(voxels) - 1 - number:04d},0000b.dcm"
        writer.SetFileName(str(folder / name))
        writer.Execute(image)
        found[name] = (folder / name).read_bytes()
    return found


def analyze(voxels, spacing=(3.0, 3.0, 3.0)):
    """Header and image of (D, H, W) int16 voxels, after the format's description (Mayo, Analyze 7.5)."""
    header = bytearray(348)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<i", header, 32, 16384)
    header[38] = ord("r")
    struct.pack_into("<8h", header, 40, 4, *voxels.shape[::-1], 1, 0, 0, 0)
    struct.pack_into("<2h", header, 70, 4, 16)
    struct.pack_into("<8f", header, 76, 0, *spacing[::-1], 0, 0, 0, 0)
    return bytes(header), voxels.astype("<i2").tobytes()
