"""What has to be read from a NIfTI file itself, because its reader hides it.

SimpleITK fills a truncated file up with zeros and puts zeros for NaN and infinity, without a word; it also applies the
file's slope and intercept, and so hides the stored values. The pair .hdr and .img of NIfTI or Analyze is read, too.
"""

import gzip
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .stored import not_finite, unreadable

SUFFIXES = (".nii", ".nii.gz")
CHUNK_BYTES = 1 << 22
# NIfTI datatype codes of voxels that are one number
TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}

# size of the header: offset, type and length of its dim, datatype, bitpix, vox_offset, scl_slope and scl_inter;
# Analyze has no slope, but SPM writes its scale factor to the same place
FIELDS = {
    348: ((40, "i2", 8), (70, "i2", 1), (72, "i2", 1), (108, "f4", 1), (112, "f4", 1), (116, "f4", 1)),
    540: ((16, "i8", 8), (12, "i2", 1), (14, "i2", 1), (168, "i8", 1), (176, "f8", 1), (184, "f8", 1)),
}


@dataclass(frozen=True)
class _Layout:
    """Where the voxels start, how many bytes they are, and what they mean; `type` None if not single numbers."""

    start: int
    size: int
    type: str | None
    dims: tuple[int, ...]
    slope: float
    intercept: float


def is_nifti(path: Path) -> bool:
    """Tell whether the name of the file is that of a NIfTI file."""
    return path.name.lower().endswith(SUFFIXES)


def check_nifti(path: Path) -> None:
    """Raise AiwaveError, naming the file, if it is cut short or has float voxels that are not finite."""
    try:
        with _open(path) as stream:
            layout = _layout(stream.read(540))
            stream.seek(layout.start)
            found = 0
            for chunk in _chunks(stream):
                part = chunk[: max(0, layout.size - found)]
                found += len(part)
                if _is_float(layout) and not np.isfinite(np.frombuffer(part, layout.type)).all():
                    raise not_finite(str(path))
            if found < layout.size:
                raise ValueError(f"{found} of {layout.size} bytes of voxels are there")
    except (EOFError, OSError, ValueError) as error:
        raise unreadable(str(path), str(error)) from error


def read_stored(path: Path) -> tuple[np.ndarray, float, float]:
    """Read the voxels of a .nii, .nii.gz or .hdr file as stored, in native byte order, with its slope and intercept.

    The last axis is x; there are as many as the file has, without those of length 1 before (z, y, x). A slope of 0 or
    one that is not finite means none: 1 and 0. Raises AiwaveError, naming the file, if it is damaged or cut short.
    """
    try:
        with _open(path) as stream:
            layout = _layout(stream.read(540))
        data = path if layout.start else _image_of(path)
        with _open(data) as stream:
            stream.seek(layout.start)
            content = b"".join(_chunks(stream))[: layout.size]
        if layout.type is None:
            raise ValueError("its voxels are not single numbers")
        if len(content) < layout.size:
            raise ValueError(f"{len(content)} of {layout.size} bytes of voxels are there")
    except (EOFError, OSError, ValueError, zlib.error) as error:
        raise unreadable(str(path), str(error)) from error
    dims = list(layout.dims)
    while len(dims) > 3 and dims[-1] == 1:
        dims.pop()
    voxels = np.frombuffer(content, layout.type).reshape(dims[::-1])
    declared = bool(np.isfinite([layout.slope, layout.intercept]).all()) and layout.slope != 0
    slope, intercept = (layout.slope, layout.intercept) if declared else (1.0, 0.0)
    return voxels.astype(voxels.dtype.newbyteorder("="), copy=False), slope, intercept


def _open(path: Path) -> BinaryIO | gzip.GzipFile:
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")


def _image_of(header: Path) -> Path:
    """The .img file of a .hdr file."""
    return next((path for path in (header.with_suffix(".img"), header.with_suffix(".IMG")) if path.exists()), header)


def _is_float(layout: _Layout) -> bool:
    return layout.type is not None and "f" in layout.type


def _chunks(stream: BinaryIO | gzip.GzipFile) -> Iterator[bytes]:
    """Yield the rest of a stream; reading a compressed one to its end verifies its checksum."""
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk


def _layout(header: bytes) -> _Layout:
    """Read a NIfTI-1 or -2 header of either byte order. Raises ValueError if it is neither or cut short."""
    for order in "<>":
        size = int(np.frombuffer(header, f"{order}i4", 1)[0])
        if size in FIELDS:
            dim, code, bits, start, slope, intercept = (
                np.frombuffer(header, order + kind, count, offset) for offset, kind, count in FIELDS[size]
            )
            dims = tuple(int(side) for side in dim[1 : 1 + int(dim[0])])
            size = math.prod(dims) * int(bits[0]) // 8
            kind = TYPES.get(int(code[0]))
            return _Layout(int(start[0]), size, kind and order + kind, dims, float(slope[0]), float(intercept[0]))
    raise ValueError("it has no NIfTI header")
