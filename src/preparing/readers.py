"""The kinds of raw images that can be read."""

import os
from pathlib import Path
from typing import Protocol, cast

from ..errors import AiwaveError
from . import read_dicom, read_itk, read_numpy, read_tiff
from .image import Image

KINDS = "DICOM, NIfTI, Analyze, NRRD, MetaImage, TIFF or NumPy"


class Reader(Protocol):
    """A module that reads one kind of image."""

    def takes(self, path: Path) -> bool:
        """Tell whether the file or folder at `path` is of this kind."""

    def read(self, path: Path) -> list[Image]:
        """Read its images. Raises AiwaveError, naming the file, if they cannot be read exactly."""


READERS = tuple(cast(Reader, module) for module in (read_itk, read_tiff, read_numpy, read_dicom))


def reads(path: Path) -> bool:
    """Tell whether there is an image at `path`: a file, a folder of DICOM files or of TIFF slices."""
    return any(reader.takes(path) for reader in READERS)


def read_images(path: Path) -> list[Image]:
    """Read the images at `path`: one volume or series, or one for every DICOM series of a folder.

    Raises AiwaveError if it cannot be read.
    """
    for file in (path, *(sorted(path.rglob("*")) if path.is_dir() else ())):
        if not os.access(file, os.R_OK):
            raise AiwaveError(
                f"{file} cannot be read: {'permission denied' if path.exists() else 'it does not exist'}."
            )
    reader = next((reader for reader in READERS if reader.takes(path)), None)
    if reader is None:
        raise AiwaveError(f"{path} is not an image that can be read: give {KINDS}.")
    return reader.read(path)
