"""NIfTI files, and pairs .hdr and .img of NIfTI or Analyze.

SimpleITK provides their geometry and writes them; nibabel reads their headers. Voxels are read here: SimpleITK silently
pads a truncated file with zeros, replaces NaN and infinity by zeros, and applies the file's slope and intercept, and
for a.nii.gz it reads the voxels of a.nii if that lies beside it; nibabel does not verify the checksum of a compressed
file, and allocates whatever a header claims.
"""

import errno
import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from ..errors import AiwaveError
from . import itk_files
from .image import Image, ImageHeader, check_dimensions, check_single_channel, native, unreadable

if TYPE_CHECKING:
    import SimpleITK
    from nibabel.nifti1 import Nifti1Header

SUFFIXES = (".nii", ".nii.gz", ".hdr")
MOST_COLOURS = 4
HEADER_BYTES, SCALE = 352, 112  # of the files written; the offset of slope and intercept in them
CHUNK_BYTES = 1 << 22
LONGEST = 540  # bytes of a NIfTI-2 header


def takes(path: Path) -> bool:
    """True if `path` is a NIfTI or Analyze file, by its name."""
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


def header(path: Path) -> ImageHeader:
    """Return shape and dtype, after the file's slope and intercept, without reading voxels.

    Raises AiwaveError, naming the file, if its header cannot be read or is that of a colour image.
    """
    return _header(itk_files.opened(path), path)


def read(path: Path) -> list[Image]:
    """Read the file as one image of stored voxels with their slope and intercept.

    Raises AiwaveError, naming the file, if it is damaged, truncated, or not a volume or series.
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
    """Write .nii.gz, deterministically; otherwise as `write`."""
    path.write_bytes(gzip.compress(_content(image, path), 6, mtime=0))


def _content(image: Image, path: Path) -> bytes:
    """Bytes of the file that SimpleITK writes, completed with the slope and intercept, which it leaves out."""
    with itk_files.written(image, path, ".nii", compress=False) as plain:
        content = bytearray(plain.read_bytes())
    if len(content) != HEADER_BYTES + image.voxels.nbytes:  # SimpleITK does not notice a full disk
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    content[SCALE : SCALE + 8] = struct.pack("<2f", image.slope, image.intercept)
    return bytes(content)


def _header(reader: "SimpleITK.ImageFileReader", path: Path) -> ImageHeader:
    components = reader.GetNumberOfComponents()
    if path.suffix.lower() == ".hdr" or components <= MOST_COLOURS:
        check_single_channel(str(path), components)
        return itk_files.header_of(reader)
    # SimpleITK, given a (t, z, y, x) array to write, takes x for the components of a vector
    found = itk_files.header_of(reader)
    return ImageHeader((*found.shape, components), found.dtype)


def _stored(path: Path) -> tuple[np.ndarray, float, float]:
    """Read the voxels of a .nii, .nii.gz or .hdr file as stored, in native byte order, with its slope and intercept.

    The axes are those of the file, x last, without axes of length 1 before (z, y, x). Slope and intercept are 1 and 0
    if the slope is 0, or either is not finite. Raises AiwaveError, naming the file, if it is damaged or truncated.
    """
    try:
        with _open(path) as stream:
            found = _parsed(stream.read(LONGEST))
        shape, dtype, start = _shape(found["dim"]), found.get_data_dtype(), found.get_data_offset()
        if dtype.kind not in "uif":
            raise AiwaveError(f"{path} holds {dtype} voxels: save it with integers.")
        size = math.prod(shape) * dtype.itemsize
        data = _image_of(path)
        if data == path and path.suffix.lower() == ".hdr" and not start:
            raise AiwaveError(f"{path} has no {path.stem}.img beside it, which holds its voxels: add it.")
        with _open(data) as stream:
            stream.seek(start or (found.sizeof_hdr if data == path else 0))
            content = bytearray()
            while chunk := stream.read(CHUNK_BYTES):  # a compressed stream verifies its checksum at its end
                content += chunk
        if len(content) < size:
            raise ValueError(f"it holds {len(content)} of {size} bytes of voxels")
    except (EOFError, OSError, ValueError, OverflowError, zlib.error) as error:
        raise unreadable(str(path), str(error)) from error
    voxels = np.frombuffer(content, dtype, math.prod(shape)).reshape(shape)
    slope, intercept = float(found["scl_slope"]), float(found["scl_inter"])
    if slope == 0 or not math.isfinite(slope) or not math.isfinite(intercept):
        slope, intercept = 1.0, 0.0
    return native(voxels), slope, intercept


def _open(path: Path) -> BinaryIO | gzip.GzipFile:
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")


def _image_of(header: Path) -> Path:
    """The file with the voxels: the .img of a .hdr, if there is one, else the file itself."""
    if header.suffix.lower() != ".hdr":
        return header
    return next((path for path in (header.with_suffix(".img"), header.with_suffix(".IMG")) if path.exists()), header)


def _shape(dim: np.ndarray) -> tuple[int, ...]:
    """Axes of the voxels, x last, from the field `dim` of a header, without those of length 1 before (z, y, x).

    Some programs write 0 for the length of an axis that does not exist.
    """
    sides = [max(int(side), 1) for side in dim[1 : 1 + int(dim[0])]]
    while len(sides) > 3 and sides[-1] == 1:
        sides.pop()
    return tuple(sides[::-1])


def _parsed(block: bytes) -> "Nifti1Header":
    """The header at the start of a file, in either byte order. Raises ValueError if there is none or it is truncated.

    Analyze has the fields of NIfTI except the slope, and SPM stores its scale factor at the same offset.
    """
    from nibabel.analyze import AnalyzeHeader
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    for family, kind in ((AnalyzeHeader, Nifti1Header), (Nifti2Header, Nifti2Header)):
        if family.may_contain_header(block):
            return kind(block[: kind.sizeof_hdr], check=False)
    raise ValueError("it has no NIfTI header")
