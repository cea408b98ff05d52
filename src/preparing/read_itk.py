"""NIfTI, Analyze, NRRD and MetaImage files as raw images."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import AiwaveError
from .image import Image

if TYPE_CHECKING:
    import SimpleITK

NIFTI = (".nii", ".nii.gz", ".hdr")
SUFFIXES = (*NIFTI, ".nrrd", ".nhdr", ".mha", ".mhd")


def takes(path: Path) -> bool:
    """Tell whether `path` is such a file, by its name."""
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


def read(path: Path) -> list[Image]:
    """Read the file as one image. Raises AiwaveError, naming it, if it is damaged or not a volume or series."""
    import SimpleITK as sitk

    from ..datamodules.itk_reader import itk_header, last_line
    from ..datamodules.stored import check_dimensions, unreadable

    check_dimensions(str(path), itk_header(path).shape)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    slope, intercept = 1.0, 0.0
    if path.name.lower().endswith(NIFTI):
        voxels, slope, intercept = _nifti(path)
    else:
        try:
            voxels = sitk.GetArrayFromImage(reader.Execute())
        except RuntimeError as error:
            raise unreadable(str(path), last_line(error)) from error
    return [_placed(reader, voxels, slope, intercept)]


def _nifti(path: Path) -> tuple[np.ndarray, float, float]:
    """Stored voxels, (D, H, W) or (T, D, H, W), slope and intercept."""
    from ..datamodules.nifti import read_stored

    voxels, slope, intercept = read_stored(path)
    if voxels.ndim > 4:  # components of a vector are the first axis of the file, but the last of an image
        voxels = np.moveaxis(voxels, 0, -1)
        voxels = voxels.reshape([side for side in voxels.shape[:-4] if side != 1] + list(voxels.shape[-4:]))
    if voxels.ndim not in (3, 4):
        raise AiwaveError(f"{path} has {voxels.ndim} axes: save a volume (x, y, z) or a series of volumes.")
    return voxels, slope, intercept


def _placed(reader: "SimpleITK.ImageFileReader", voxels: np.ndarray, slope: float, intercept: float) -> Image:
    axes = reader.GetDimension()
    x, y, z = reader.GetSpacing()[:3]
    a, b, c = reader.GetOrigin()[:3]
    direction = np.reshape(reader.GetDirection(), (axes, axes))[:3, :3]
    return Image(voxels, (z, y, x), (a, b, c), tuple(float(value) + 0.0 for value in direction.flat), slope, intercept)
