"""NumPy arrays in .npy files and streams; objects are never unpickled."""

import errno
import io
import math
from pathlib import Path
from tokenize import TokenError
from typing import BinaryIO

import numpy as np

from ..errors import AiwaveError
from .image import Image, check_dimensions, check_numeric, check_single_channel, native, unreadable

SUFFIXES = (".npy",)
ARCHIVE = b"PK"
DAMAGE = (SyntaxError, TokenError, RecursionError, MemoryError, TypeError, OverflowError)
"""Errors of numpy's parser of headers, besides ValueError."""
COLOURS = (3, 4)
"""Lengths of a last axis that must be colours."""


def takes(path: Path) -> bool:
    """True if `path` is a .npy file, by its name."""
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


def read(path: Path) -> list[Image]:
    """Read an array (D, H, W) or (T, D, H, W).

    Raises AiwaveError, naming the file, if it is damaged or an archive, or holds objects, text or colours, or has other
    axes.
    """
    with path.open("rb") as stream:
        return [Image(_array(stream, str(path)))]


def read_stream(stream: BinaryIO) -> Image:
    """Read an array from standard input, as a seekable stream. Raises AiwaveError as `read` does."""
    magic = stream.read(6)
    stream.seek(0)
    if magic[:2] != ARCHIVE and magic != np.lib.format.MAGIC_PREFIX:
        raise AiwaveError("Standard input is not a NumPy array: send the output of numpy.save.")
    return Image(_array(stream, "Standard input"))


def write(image: Image, path: Path) -> None:
    """Write the voxels, without geometry. Raises OSError."""
    try:
        with path.open("wb") as file:
            np.save(file, image.voxels)
    except OSError as error:  # NumPy's own for a full disk has no cause
        raise OSError(
            error.errno or errno.ENOSPC, error.strerror or "not all of it arrived, so check the disk"
        ) from error


def archive(name: str) -> AiwaveError:
    """Return the error for an archive of arrays called `name`."""
    return AiwaveError(f"{name} is an archive of arrays: save one of them with numpy.save.")


def _array(stream: BinaryIO, name: str) -> np.ndarray:
    """The array in a stream called `name`. Nothing is allocated before its size is known to be there."""
    start = stream.read(2)
    stream.seek(0)
    if start == ARCHIVE:
        raise archive(name)
    try:
        shape, is_fortran, dtype = _header(stream)
    except (*DAMAGE, OSError, ValueError, EOFError) as error:
        raise unreadable(name, (str(error).splitlines() or ["its header is damaged"])[0].rstrip(".")) from error
    _check(name, shape, dtype)
    place = stream.tell()
    held, size = stream.seek(0, io.SEEK_END) - place, math.prod(shape) * dtype.itemsize
    if held < size:
        raise unreadable(name, f"it holds {held} of {size} bytes of voxels")
    stream.seek(place)
    content = bytearray(size)
    stream.readinto(content)  # type: ignore[attr-defined]
    voxels = np.frombuffer(content, dtype)
    return native(voxels.reshape(shape, order="F" if is_fortran else "C"))


def _header(stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, true if the first axis is the fastest, and dtype. Raises ValueError if the header is damaged."""
    version = np.lib.format.read_magic(stream)
    if version[0] == 1:
        shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    else:
        shape, is_fortran, dtype = np.lib.format.read_array_header_2_0(stream)
    if any(isinstance(side, bool) or side < 0 for side in shape):
        raise ValueError(f"its shape is {list(shape)}")
    return shape, is_fortran, dtype


def _check(name: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Raise AiwaveError, naming the source, unless an array holds numbers and is (D, H, W) or (T, D, H, W)."""
    if dtype.hasobject:
        raise AiwaveError(f"{name} holds Python objects, which are never loaded: save an array of integers or floats.")
    if dtype.kind in "US":
        raise AiwaveError(f"{name} holds text, which is no voxels: save an array of integers or floats.")
    check_numeric(name, dtype)
    check_dimensions(name, shape)
    if len(shape) == 4 and shape[-1] in COLOURS:
        check_single_channel(name, shape[-1])
