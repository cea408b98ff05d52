"""Reading and writing of images in any supported format; `-` is a NumPy array on standard input or output."""

import io
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import numpy as np

from ..errors import AiwaveError
from ..writing import StandardOutput, replacing
from . import (
    dicom,
    dicom_writer,
    metaimage_files,
    minc_files,
    nibabel_files,
    nifti,
    nifti_writer,
    nrrd_files,
    numpy_files,
    tiff_files,
)
from .dicom_original import rescales
from .image import FORMATS, GEOMETRY, WIDER, Image, Original, channel_of, check_plain, check_single_channel

STREAM = "-"
"""File name that stands for standard input or output."""
KINDS = "DICOM, NIfTI, Analyze, MGH, AFNI, MINC, NRRD, MetaImage, TIFF or NumPy"
VOLUME_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd", ".tif", ".tiff")
"""Suffixes of volume files for training and evaluation."""
ENDINGS = re.compile(
    r"\.(nii\.gz|nii|nrrd|nhdr|mha|mhd|(?:hdr|img|mgh|brik|mnc)(?:\.gz)?|mgz|head|tiff|tif|npy|dcm)$", re.IGNORECASE
)


CHOOSERS = (nifti, nibabel_files, minc_files, tiff_files, nrrd_files, metaimage_files)
"""Readers that take a `channel`."""


class Reader(Protocol):
    """A module that reads images of one kind of file."""

    def takes(self, path: Path) -> bool:
        """True if the file or folder at `path` is of this kind."""

    def read(self, path: Path) -> list[Image]:
        """Read the images at `path`. Raises AiwaveError, naming the file, if they cannot be read exactly."""


@dataclass(frozen=True)
class Writer:
    """A function that writes one kind of file, and the fields of `Image` from `spacing` to `hyperstack` that it stores.

    `format` is the key of `FORMATS` whose original headers it restores; `widened` are types that become larger ones.
    """

    write: Callable[[Image, Path], None]
    keeps: tuple[str, ...] = ()
    format: str = ""
    widened: tuple[str, ...] = ()


READERS = tuple(
    cast(Reader, module)
    for module in (nifti, nibabel_files, minc_files, nrrd_files, metaimage_files, tiff_files, numpy_files, dicom)
)
WRITERS = {
    ".tif": Writer(tiff_files.write, ("spacing", "period", "channels", "hyperstack"), "tiff"),
    ".tiff": Writer(tiff_files.write, ("spacing", "period", "channels", "hyperstack"), "tiff"),
    ".nii.gz": Writer(nifti_writer.write_zipped, (*GEOMETRY, "channels", "hyperstack"), "nifti", tuple(WIDER)),
    ".nii": Writer(nifti_writer.write, (*GEOMETRY, "channels", "hyperstack"), "nifti", tuple(WIDER)),
    ".nrrd": Writer(nrrd_files.write, ("spacing", "origin", "direction", "period", "channels"), "nrrd", tuple(WIDER)),
    ".mha": Writer(metaimage_files.write, ("spacing", "origin", "direction", "channels"), "metaimage", tuple(WIDER)),
    ".npy": Writer(numpy_files.write),
}


def is_image(path: Path) -> bool:
    """True if `path` is an image: a file, a folder of DICOM files or one of TIFF slices."""
    return any(reader.takes(path) for reader in READERS)


def is_second_half(path: Path) -> bool:
    """True if `path` only has the voxels of a header beside it, with which it is one image."""
    return nifti.is_second_half(path) or nibabel_files.is_second_half(path)


def is_volume_of_slices(folder: Path) -> bool:
    """True if the files directly in a folder, not in its subfolders, are the slices of one subject."""
    files = (file for file in sorted(folder.iterdir()) if file.is_file())
    return any(dicom.takes(file) for file in files) or tiff_files.has_slices(folder)


def holds_slices(folder: Path) -> bool:
    """True if a folder holds slices; DICOM slices may also be in its subfolders."""
    return tiff_files.has_slices(folder) or dicom.takes(folder)


def stem_of(path: Path) -> str:
    """Name of a file without the suffix of its format, or name of a folder."""
    return ENDINGS.sub("", path.name) if path.is_file() else path.name


def read_images(path: Path, channel: int | None = None) -> list[Image]:
    """Read the images at `path`: one volume or series, or one image per DICOM series of a folder.

    `channel`, counted from 1, chooses one of their channels. Raises AiwaveError if they cannot be read.
    """
    reader = _reader_of(path)
    chooser = next((chooser for chooser in CHOOSERS if chooser is reader), None)
    if chooser is not None:
        return chooser.read(path, channel)
    images = reader.read(path)
    return images if channel is None else [channel_of(str(path), image, channel) for image in images]


def _reader_of(path: Path) -> Reader:
    """The module that reads `path`. Raises AiwaveError if there is none, or a file cannot be opened."""
    for file in (path, *(sorted(path.rglob("*")) if path.is_dir() else ())):
        if not os.access(file, os.R_OK):
            raise AiwaveError(
                f"{file} cannot be read: {'permission denied' if path.exists() else 'it does not exist'}."
            )
    reader = next((reader for reader in READERS if reader.takes(path)), None)
    if reader is None and path.suffix.lower() == ".npz":
        raise numpy_files.archive(str(path))
    if reader is None:
        raise AiwaveError(f"{path} is not an image that can be read: give {KINDS}.")
    return reader


def read_image(name: str, channel: int | None = None, series: int | None = None) -> Image:
    """Read the one image of a file or folder, or a .npy array on standard input.

    `channel` chooses one of its channels, `series` one of several DICOM series in the order of `dicom.contents`, or of
    the images of a TIFF file, both counted from 1. Raises AiwaveError if there is no image, no such channel or series,
    or several series and no choice, which are then listed.
    """
    if name != STREAM and _reader_of(Path(name)) is cast(Reader, dicom):
        image = dicom.read_one(Path(name), series)
        return image if channel is None else channel_of(name, image, channel)
    if name != STREAM and _reader_of(Path(name)) is cast(Reader, tiff_files):
        return tiff_files.read_one(Path(name), channel, series)
    if series is not None:
        raise AiwaveError(f"{name} is neither DICOM nor TIFF, so it has no series to choose from: leave --series out.")
    if name == STREAM:
        image = numpy_files.read_stream(io.BytesIO(sys.stdin.buffer.read()))
        return image if channel is None else channel_of("Standard input", image, channel)
    (image,) = read_images(Path(name), channel)
    return image


def read_voxels(path: Path) -> np.ndarray:
    """Read a volume file for training or evaluation: (D, H, W) or (T, D, H, W) integers of 8 or 16 bits, as stored.

    Raises AiwaveError, naming the file, if it is damaged, holds floats or other types, colours, a slope or an
    intercept, or does not have three or four axes.
    """
    (image,) = read_images(path)
    if image.channel_count:
        check_single_channel(str(path), image.channel_count)
    check_plain(str(path), image)
    return image.voxels


def write_image(image: Image, name: str, exact: bool = True, ratio: float | None = None, force: bool = True) -> None:
    """Write an image atomically, or send it to standard output as .npy; a name without suffix is a folder of DICOM.

    A file of the format that the image was read from gets its original header back. DICOM files keep their identifiers
    if the voxels are `exact`, else they declare a lossy compression by the factor `ratio`.

    An existing file is replaced if `force` is set, behind a link if it is one. Raises AiwaveError if the suffix is
    unknown, a DICOM header is missing, or the operating system refuses.
    """
    if name == STREAM:
        np.save(cast(BinaryIO, StandardOutput()), image.voxels)
        return
    if is_dicom_folder(name):
        dicom_writer.write_folder(image, Path(name), exact, ratio)
        return
    writer = writer_of(name)
    with replacing(Path(name), force, through_links=True) as temporary:
        writer.write(image, temporary)


def is_dicom_folder(name: str) -> bool:
    """True if images of this name are written as a folder of DICOM files."""
    return name != STREAM and not Path(name).suffix


def check_writable(name: str, original: str | None) -> None:
    """Raise AiwaveError unless an image whose original header has the format `original` can be written as `name`."""
    if is_dicom_folder(name):
        if original != "dicom":
            raise AiwaveError(
                f"{name} has no suffix, which stands for a folder of DICOM files, but the image has no DICOM headers: "
                f"choose one of {', '.join(WRITERS)}, or -."
            )
    elif name != STREAM:
        writer_of(name)


def writer_of(name: str) -> Writer:
    """The writer for a file name, chosen by suffix. Raises AiwaveError if there is none."""
    for suffix, writer in WRITERS.items():
        if name.lower().endswith(suffix):
            return writer
    raise AiwaveError(f"{name} has a suffix that cannot be written: choose one of {', '.join(WRITERS)}, or -.")


def lost_by(name: str, image: Image) -> list[str]:
    """Names of the fields of `image`, and of its original header, that the file `name` cannot store.

    Fields are those of `GEOMETRY`, "channels" and "hyperstack" without their defaults. A slope and an intercept of each
    slice, which DICOM series may have, are in no field and no other file.
    """
    if is_dicom_folder(name):
        return []
    writer = Writer(numpy_files.write) if name == STREAM else writer_of(name)
    plain = Image(image.voxels)
    fields = {key: key for key in (*GEOMETRY, "channels")} | {"hyperstack": "channels apart from times"}
    lost = [
        name for key, name in fields.items() if key not in writer.keeps and getattr(image, key) != getattr(plain, key)
    ]
    if image.voxels.dtype.name in writer.widened:
        lost.append(f"the type {image.voxels.dtype}")
    is_kept = image.original is not None and image.original.format == writer.format
    return lost if is_kept else [*lost, *lost_without(image.original)]


def lost_without(original: Original | None) -> list[str]:
    """Names of what is lost with the original header of an image where only its geometry is kept."""
    if original is None:
        return []
    each = ["slope and intercept of each slice"] if original.format == "dicom" and rescales(original) else []
    return [*each, f"the other fields of the {FORMATS[original.format]} header"]
