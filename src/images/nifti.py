"""NIfTI files, and the pair .hdr and .img of NIfTI or Analyze.

SimpleITK gives their geometry and writes them. Voxels are read here, since it fills a truncated file up with zeros,
puts zeros for NaN and infinity, and applies the file's slope and intercept, all without a word; and for a.nii.gz it
takes the voxels of a.nii if that lies beside it.
"""

import errno
import gzip
import math
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from ..errors import AiwaveError
from . import itk_files
from .image import Header, Image, check_dimensions, check_single_channel, native, unreadable

if TYPE_CHECKING:
    import SimpleITK

SUFFIXES = (".nii", ".nii.gz", ".hdr")
MOST_COLOURS = 4
HEADER_BYTES, SCALE = 352, 112  # of the files written; the place of slope and intercept in them
CHUNK_BYTES = 1 << 22
# NIfTI datatype codes of voxels that are one number
TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}

# size of the header: offset, type and length of its dim, datatype, vox_offset, scl_slope and scl_inter; Analyze has no
# slope, but SPM writes its scale factor to the same place
FIELDS = {
    348: ((40, "i2", 8), (70, "i2", 1), (108, "f4", 1), (112, "f4", 1), (116, "f4", 1)),
    540: ((16, "i8", 8), (12, "i2", 1), (168, "i8", 1), (176, "f8", 1), (184, "f8", 1)),
}


@dataclass(frozen=True)
class _Layout:
    """First byte of the voxels, size of the header, type (None if not single numbers), axes (x last) and scale."""

    start: int
    header: int
    dtype: np.dtype | None
    shape: tuple[int, ...]
    slope: float
    intercept: float


def takes(path: Path) -> bool:
    """Tell whether `path` is such a file, by its name."""
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


def header(path: Path) -> Header:
    """Return shape and dtype, scaled as the file says, without reading voxels.

    Raises AiwaveError, naming the file, if its header cannot be read or tells of a colour image.
    """
    return _header(itk_files.opened(path), path)


def read(path: Path) -> list[Image]:
    """Read the file as one image of stored voxels with their slope and intercept.

    Raises AiwaveError, naming the file, if it is damaged, cut short, or not a volume or series.
    """
    reader = itk_files.opened(path)
    check_dimensions(str(path), _header(reader, path).shape)
    voxels, slope, intercept = _stored(path)
    if voxels.ndim > 4:  # components of a vector are the first axis of the file, but the last of an image
        voxels = np.moveaxis(voxels, 0, -1)
        voxels = voxels.reshape([side for side in voxels.shape[:-4] if side != 1] + list(voxels.shape[-4:]))
    if voxels.ndim not in (3, 4):
        raise AiwaveError(f"{path} has {voxels.ndim} axes: save a volume (x, y, z) or a series of volumes.")
    return [itk_files.placed(reader, voxels, slope, intercept)]


def write(image: Image, path: Path) -> None:
    """Write .nii; geometry is rounded to 32 bits. Raises OSError if the operating system refuses."""
    path.write_bytes(_content(image, path))


def write_zipped(image: Image, path: Path) -> None:
    """Write .nii.gz, the same bytes for the same image, as `write` does."""
    path.write_bytes(gzip.compress(_content(image, path), 6, mtime=0))


def _content(image: Image, path: Path) -> bytes:
    """The file that SimpleITK writes beside `path`, with the slope and intercept, which it leaves out."""
    with itk_files.written(image, path, ".nii", compress=False) as plain:
        content = bytearray(plain.read_bytes())
    if len(content) != HEADER_BYTES + image.voxels.nbytes:  # SimpleITK does not look whether the disk is full
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    content[SCALE : SCALE + 8] = struct.pack("<2f", image.slope, image.intercept)
    return bytes(content)


def _header(reader: "SimpleITK.ImageFileReader", path: Path) -> Header:
    components = reader.GetNumberOfComponents()
    if path.suffix.lower() == ".hdr" or components <= MOST_COLOURS:
        check_single_channel(str(path), components)
        return itk_files.header_of(reader)
    # SimpleITK, given a (t, z, y, x) array to write, takes x for the components of a vector
    found = itk_files.header_of(reader)
    return Header((*found.shape, components), found.dtype)


def _stored(path: Path) -> tuple[np.ndarray, float, float]:
    """Read the voxels of a .nii, .nii.gz or .hdr file as stored, in native byte order, with its slope and intercept.

    The last axis is x; there are as many as the file has, without those of length 1 before (z, y, x). A slope of 0 or
    one that is not finite means none: 1 and 0. Raises AiwaveError, naming the file, if it is damaged or cut short.
    """
    try:
        with _open(path) as stream:
            layout = _layout(stream.read(540))
        if layout.dtype is None:
            raise ValueError("its voxels are not single numbers")
        count = math.prod(layout.shape)
        size = count * layout.dtype.itemsize
        data = _image_of(path)
        if data == path and path.suffix.lower() == ".hdr" and not layout.start:
            raise AiwaveError(f"{path} has no {path.stem}.img beside it, the file of its voxels: add it.")
        with _open(data) as stream:
            stream.seek(layout.start or (layout.header if data == path else 0))
            content = bytearray().join(_chunks(stream))
        if len(content) < size:
            raise ValueError(f"{len(content)} of {size} bytes of voxels are there")
    except (EOFError, OSError, ValueError, OverflowError, zlib.error) as error:
        raise unreadable(str(path), str(error)) from error
    voxels = np.frombuffer(content, layout.dtype, count).reshape(layout.shape)
    declared = bool(np.isfinite([layout.slope, layout.intercept]).all()) and layout.slope != 0
    slope, intercept = (layout.slope, layout.intercept) if declared else (1.0, 0.0)
    return native(voxels), slope, intercept


def _open(path: Path) -> BinaryIO | gzip.GzipFile:
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")


def _image_of(header: Path) -> Path:
    """The file with the voxels: the .img of a .hdr, if there is one, else the same."""
    if header.suffix.lower() != ".hdr":
        return header
    return next((path for path in (header.with_suffix(".img"), header.with_suffix(".IMG")) if path.exists()), header)


def _shape(dim: np.ndarray) -> tuple[int, ...]:
    """Axes of the voxels, x last, from the field `dim` of a header, without those of length 1 before (z, y, x).

    Some programs write 0 for the length of an axis that is not there.
    """
    sides = [max(int(side), 1) for side in dim[1 : 1 + int(dim[0])]]
    while len(sides) > 3 and sides[-1] == 1:
        sides.pop()
    return tuple(sides[::-1])


def _chunks(stream: BinaryIO | gzip.GzipFile) -> Iterator[bytes]:
    """Yield the rest of a stream; reading a compressed one to its end verifies its checksum."""
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk


def _layout(header: bytes) -> _Layout:
    """Read a NIfTI-1 or -2 header of either byte order. Raises ValueError if it is neither or cut short."""
    for order in "<>":
        size = int(np.frombuffer(header, f"{order}i4", 1)[0])
        if size in FIELDS:
            dim, code, start, slope, intercept = (
                np.frombuffer(header, order + kind, count, offset) for offset, kind, count in FIELDS[size]
            )
            kind = TYPES.get(int(code[0]))
            dtype = None if kind is None else np.dtype(order + kind)
            return _Layout(int(start[0]), size, dtype, _shape(dim), float(slope[0]), float(intercept[0]))
    raise ValueError("it has no NIfTI header")
