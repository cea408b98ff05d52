"""Small volumes in files, for the tests of what reads them."""

import numpy as np
import SimpleITK as sitk
import tifffile


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
