"""NIfTI, NRRD and MetaImage volumes through SimpleITK."""

import re
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .header import Header
from .nifti import check_nifti, is_nifti
from .stored import check_dimensions, check_single_channel, check_voxels, unreadable
from .volume_reader import VolumeReader

SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd")
MOST_COLOURS = 4


class SimpleITKReader(VolumeReader):
    """MONAI reader of .nii, .nii.gz, .nrrd, .mha and .mhd files."""

    suffixes = SUFFIXES

    def voxels(self, path: Path) -> np.ndarray:
        """Read and check the voxels of one file; see `VolumeReader`."""
        check_dimensions(str(path), itk_header(path).shape)
        if is_nifti(path):
            check_nifti(path)
        try:
            voxels = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
        except RuntimeError as error:
            raise unreadable(str(path), last_line(error)) from error
        return check_voxels(str(path), voxels)


def itk_header(path: Path) -> Header:
    """Return shape and dtype of the file at `path` without reading its voxels.

    Raises AiwaveError if the header cannot be read or tells of a colour image.
    """
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise unreadable(str(path), last_line(error)) from error
    shape: tuple[int, ...] = tuple(reversed(reader.GetSize()))
    components = reader.GetNumberOfComponents()
    if is_nifti(path) and components > MOST_COLOURS:
        # SimpleITK, given a (t, z, y, x) array to write, takes x for the components of a vector
        shape += (components,)
    else:
        check_single_channel(str(path), components)
    # a one-voxel image of the stored type names its dtype in numpy's terms
    voxel = sitk.Image([1, 1, 1], reader.GetPixelID(), components)
    return Header(shape, sitk.GetArrayViewFromImage(voxel).dtype)


def last_line(error: Exception) -> str:
    """What SimpleITK's error says, without where in its sources and in memory."""
    return re.sub(r"^ITK ERROR: \w+\(0x\w+\): ", "", str(error).strip().splitlines()[-1].strip()).rstrip(".")
