"""NIfTI, NRRD and MetaImage volumes through SimpleITK."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from monai.config.type_definitions import PathLike
from monai.data.image_reader import ImageReader
from monai.utils.misc import ensure_tuple

from .header import Header
from .nifti import check_nifti, is_nifti
from .stored import check_dimensions, check_single_channel, check_voxels, unreadable

SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd")
MOST_COLOURS = 4


class SimpleITKReader(ImageReader):
    """MONAI reader of .nii, .nii.gz, .nrrd, .mha and .mhd files.

    Gives the stored values, exactly, as a (D, H, W) or, for a series, (T, D, H, W) integer array.
    Raises AiwaveError, naming the file, when it is damaged or not such an array.
    """

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        """Tell whether every name ends in a suffix this reader takes."""
        return all(str(name).lower().endswith(SUFFIXES) for name in ensure_tuple(filename))

    def read(self, data: Sequence[PathLike] | PathLike, **kwargs: Any) -> tuple[str, np.ndarray]:
        """Return the file's name and its voxels, checked."""
        path = Path(ensure_tuple(data)[0])
        check_dimensions(str(path), itk_header(path).shape)
        if is_nifti(path):
            check_nifti(path)
        try:
            voxels = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
        except RuntimeError as error:
            raise unreadable(str(path), _last_line(error)) from error
        return str(path), check_voxels(str(path), voxels)

    def get_data(self, img: tuple[str, np.ndarray]) -> tuple[np.ndarray, dict[str, Any]]:
        """Return the voxels and, as metadata, the dtype they are stored in."""
        return img[1], {"stored_dtype": img[1].dtype.name}


def itk_header(path: Path) -> Header:
    """Return shape and dtype of the file at `path` without reading its voxels.

    Raises AiwaveError if the header cannot be read or tells of a colour image.
    """
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise unreadable(str(path), _last_line(error)) from error
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


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].strip().rstrip(".")
