"""Headers, geometry and voxels of NIfTI files through SimpleITK."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .image import Image, ImageHeader, unreadable

if TYPE_CHECKING:
    import SimpleITK


def opened(path: Path) -> "SimpleITK.ImageFileReader":
    """A reader that has read the header. Raises AiwaveError, naming the file, if that cannot be read."""
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise unreadable(str(path), _last_line(error)) from error
    return reader


def header_of(reader: "SimpleITK.ImageFileReader") -> ImageHeader:
    """Shape and dtype, without the components of a voxel, of the file of an `opened` reader."""
    import SimpleITK as sitk

    # a one-voxel image of the stored type names its dtype in numpy's terms
    voxel = sitk.Image([1, 1, 1], reader.GetPixelID(), reader.GetNumberOfComponents())
    return ImageHeader(tuple(reversed(reader.GetSize())), sitk.GetArrayViewFromImage(voxel).dtype)


def voxels_of(reader: "SimpleITK.ImageFileReader", path: Path) -> np.ndarray:
    """Read the voxels, in the axis order z, y, x. Raises AiwaveError, naming the file, if it is damaged."""
    import SimpleITK as sitk

    try:
        return sitk.GetArrayFromImage(reader.Execute())
    except RuntimeError as error:
        raise unreadable(str(path), _last_line(error)) from error


def placed(
    reader: "SimpleITK.ImageFileReader", voxels: np.ndarray, slope: float = 1.0, intercept: float = 0.0
) -> Image:
    """The image of `voxels` with the geometry read by a reader."""
    axes = reader.GetDimension()
    x, y, z = reader.GetSpacing()[:3]
    a, b, c = reader.GetOrigin()[:3]
    direction = np.reshape(reader.GetDirection(), (axes, axes))[:3, :3]
    return Image(voxels, (z, y, x), (a, b, c), tuple(float(value) + 0.0 for value in direction.flat), slope, intercept)


@contextmanager
def written(image: Image, path: Path, suffix: str, compress: bool) -> Iterator[Path]:
    """A file written by SimpleITK beside `path`, removed at the end if it still exists.

    Raises OSError if it cannot be written.
    """
    import SimpleITK as sitk

    file = path.with_name(path.name + suffix)
    try:
        sitk.WriteImage(_as_itk(image), str(file), compress)
        yield file
    except RuntimeError as error:
        raise OSError(errno.EIO, _last_line(error)) from error  # the caller knows the name the user gave
    finally:
        file.unlink(missing_ok=True)


def _as_itk(image: Image) -> "SimpleITK.Image":
    import SimpleITK as sitk

    stored = sitk.GetImageFromArray(np.ascontiguousarray(image.voxels), isVector=False)
    spacing, origin, direction = list(image.spacing[::-1]), list(image.origin), np.reshape(image.direction, (3, 3))
    if image.voxels.ndim == 4:
        spacing, origin, whole = [*spacing, 1.0], [*origin, 0.0], np.eye(4)
        whole[:3, :3] = direction
        direction = whole
    stored.SetSpacing(spacing)
    stored.SetOrigin(origin)
    stored.SetDirection(direction.flatten().tolist())
    return stored


def _last_line(error: Exception) -> str:
    """Reason of a SimpleITK error, without source location and memory address."""
    return re.sub(r"^ITK ERROR: \w+\(0x\w+\): ", "", str(error).strip().splitlines()[-1].strip()).rstrip(".")
