"""What has to be read from a NIfTI file itself, because its reader hides it.

SimpleITK fills a truncated file up with zeros and puts zeros for NaN and infinity, without a word.
"""

import gzip
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .stored import not_finite, unreadable

SUFFIXES = (".nii", ".nii.gz")
CHUNK_BYTES = 1 << 22
FLOATS = {16: "f4", 64: "f8"}  # NIfTI datatype codes

# size of the header: offset, type and length of its dim, datatype, bitpix and vox_offset
FIELDS = {
    348: ((40, "i2", 8), (70, "i2", 1), (72, "i2", 1), (108, "f4", 1)),
    540: ((16, "i8", 8), (12, "i2", 1), (14, "i2", 1), (168, "i8", 1)),
}


@dataclass(frozen=True)
class _Layout:
    """Where the voxels start, how many bytes they are, and their type if they are floats."""

    start: int
    size: int
    float_type: str | None


def is_nifti(path: Path) -> bool:
    """Tell whether the name of the file is that of a NIfTI file."""
    return path.name.lower().endswith(SUFFIXES)


def check_nifti(path: Path) -> None:
    """Raise AiwaveError, naming the file, if it is cut short or has float voxels that are not finite."""
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as stream:
            layout = _layout(stream.read(540))
            stream.seek(layout.start)
            found = 0
            for chunk in _chunks(stream):
                part = chunk[: max(0, layout.size - found)]
                found += len(part)
                if layout.float_type and not np.isfinite(np.frombuffer(part, layout.float_type)).all():
                    raise not_finite(str(path))
            if found < layout.size:
                raise ValueError(f"{found} of {layout.size} bytes of voxels are there")
    except (EOFError, OSError, ValueError) as error:
        raise unreadable(str(path), str(error)) from error


def _chunks(stream: BinaryIO | gzip.GzipFile) -> Iterator[bytes]:
    """Yield the rest of a stream; reading a compressed one to its end verifies its checksum."""
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk


def _layout(header: bytes) -> _Layout:
    """Read a NIfTI-1 or -2 header of either byte order. Raises ValueError if it is neither or cut short."""
    for order in "<>":
        size = int(np.frombuffer(header, f"{order}i4", 1)[0])
        if size in FIELDS:
            dim, code, bits, start = (
                np.frombuffer(header, order + kind, count, offset) for offset, kind, count in FIELDS[size]
            )
            voxels = math.prod(int(side) for side in dim[1 : 1 + int(dim[0])])
            float_type = FLOATS.get(int(code[0]))
            return _Layout(int(start[0]), voxels * int(bits[0]) // 8, float_type and order + float_type)
    raise ValueError("it has no NIfTI header")
