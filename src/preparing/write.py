"""Writing a crop as a small file, the same bytes for the same voxels."""

import errno
import gzip
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from ..atomic import replacing
from ..errors import AiwaveError
from .image import Image

NIFTI_HEADER = 352


def write_image(image: Image, path: Path) -> None:
    """Write uint8 or uint16 voxels (D, H, W) with their geometry as .tif or .nii.gz, by the suffix of `path`.

    A .tif keeps only the spacing, as ImageJ does; a .nii.gz rounds geometry to 32 bits. Raises AiwaveError if the
    operating system refuses.
    """
    write = next(write for suffix, write in WRITERS.items() if path.name.endswith(suffix))
    with replacing(path) as temporary:
        write(image, temporary)


def _tiff(image: Image, path: Path) -> None:
    import tifffile

    z, y, x = image.spacing
    metadata = {"axes": "ZYX", "spacing": z, "unit": "mm"}
    tifffile.imwrite(path, image.voxels, imagej=True, compression="zlib", resolution=(1 / x, 1 / y), metadata=metadata)


def _nifti(image: Image, path: Path) -> None:
    """SimpleITK writes the plain file; it is compressed here, without a time in it."""
    import SimpleITK as sitk

    stored = sitk.GetImageFromArray(np.ascontiguousarray(image.voxels), isVector=False)
    stored.SetSpacing(image.spacing[::-1])
    stored.SetOrigin(image.origin)
    stored.SetDirection(image.direction)
    plain = path.with_name(f"{path.name}.nii")
    try:
        sitk.WriteImage(stored, str(plain), False)
        content = plain.read_bytes()
    except RuntimeError as error:
        from ..datamodules.itk_reader import last_line

        raise AiwaveError(f"Cannot write {path.parent}: {last_line(error)}.") from error
    finally:
        with suppress(OSError):
            plain.unlink(missing_ok=True)
    if len(content) != NIFTI_HEADER + image.voxels.nbytes:  # SimpleITK does not look whether the disk is full
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    path.write_bytes(gzip.compress(content, 6, mtime=0))


WRITERS: dict[str, Callable[[Image, Path], None]] = {".tif": _tiff, ".nii.gz": _nifti}
