"""NIfTI-1 and NIfTI-2 files, and pairs .hdr and .img of NIfTI or Analyze 7.5, of which the header is kept.

nibabel interprets headers. Voxels are read here: nibabel does not verify the checksum of a compressed file, and
allocates whatever a header claims. The .mat file that SPM may put beside an Analyze file is not read, as a note says.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..errors import AiwaveError
from .bounded_stream import DAMAGE, opened, read_up_to, read_voxel_bytes
from .image import Image, Original, unreadable
from .nifti_geometry import period_of, placement_of
from .nifti_header import LONGEST, SECOND, NiftiHeader, header_size, parse_nifti_header

FORMAT = "nifti"
HEADERS, VOXELS = (".hdr", ".hdr.gz"), (".img", ".img.gz")
SUFFIXES = (".nii", ".nii.gz", *HEADERS, *VOXELS)


def takes(path: Path) -> bool:
    """True if `path` is a NIfTI or Analyze file, by its name; for an .img, only if its .hdr is beside it."""
    name = path.name.lower()
    return path.is_file() and name.endswith(SUFFIXES) and (not name.endswith(VOXELS) or _header_file(path) != path)


def read(path: Path, channel: int | None = None) -> list[Image]:
    """Read the file as one image, (D, H, W), (T, D, H, W) or (C, D, H, W), with its header as the original.

    `path` is a single file or either one of a pair. Voxels are as stored, with their slope and intercept. A series of
    one volume is a volume. `channel`, counted from 1, chooses one. Raises AiwaveError, naming the file, if it is
    damaged or truncated, lacks its other half, has no such channel, or a type that is not
    supported.
    """
    found, file = _parsed(path)
    order, dtype = found.order, found.dtype
    if channel is None:
        order.image_shape  # noqa: B018  # refuses other axes before the voxels are read
    size = math.prod(order.shape) * dtype.itemsize
    start = found.start if file == _header_file(path) else _start_in_pair(found)
    try:
        with opened(file) as stream:
            if len(read_up_to(stream, start)) < start:
                raise ValueError(f"it holds 0 of {size} bytes of voxels")
            content, tail = read_voxel_bytes(stream, size, str(file))
    except DAMAGE as error:
        raise unreadable(str(file), str(error).rstrip(".")) from error
    voxels, counted = order.arranged(np.frombuffer(content, dtype).reshape(order.shape), channel)
    spacing, origin, direction = placement_of(found)
    slope, intercept = found.scaling
    period = period_of(found)
    original = Original(FORMAT, found.data) if channel is None else None
    place = (spacing, origin, direction, slope, intercept)
    return [Image(voxels, *place, "", period, **counted, original=original, note=_note(path, found, len(tail)))]


def _note(path: Path, found: NiftiHeader, more: int) -> str:
    """Parts of a file that are not kept: `more` bytes after its voxels, and SPM's .mat beside it."""
    placed = found.is_analyze and next(_beside(path, (".mat",)), None)
    left_out = [f"the {more} bytes after its voxels"] if more else []
    left_out += [f"the position of the image in {placed.name}, which is not read"] if placed else []
    return f"without {' and '.join(left_out)}" if left_out else ""


def is_second_half(path: Path) -> bool:
    """True if `path` is an .img, which is read with the .hdr beside it."""
    return _header_file(path) != path


def _start_in_pair(found: NiftiHeader) -> int:
    """Place of the voxels in an .img; a header that claims to be that of a single file does not say it."""
    return found.declared_start if found.is_pair else 0


def _parsed(path: Path) -> tuple[NiftiHeader, Path]:
    """The header of a file or pair, and the file with its voxels. Raises AiwaveError if that is missing."""
    first = _header_file(path)
    found = _header_in(first)
    named_as_pair = first.name.lower().endswith(HEADERS)
    voxels = next(_beside(first, VOXELS), None) if found.is_pair or named_as_pair else None
    if voxels is None and found.is_pair and not named_as_pair and found.is_analyze:
        raise AiwaveError(
            f"{first} cannot be read (its header lacks n+1 at byte 344): if it is an Analyze header, name it .hdr and "
            "put the .img beside it; otherwise fetch it again."
        )
    if voxels is None and found.is_pair:
        raise AiwaveError(f"{first} has no {_stem(first)}.img beside it, which holds its voxels: add it.")
    return found, voxels or first


def _header_in(file: Path) -> NiftiHeader:
    """The header of one file, with all bytes before the voxels, or of the whole file if these are in another."""
    try:
        with opened(file) as stream:
            block = bytes(read_up_to(stream, SECOND))
            size, _ = header_size(block, str(file))
            found = parse_nifti_header(block[:size], str(file))
            end = LONGEST if found.is_pair else found.start
            data = block[:end] + bytes(read_up_to(stream, end - len(block[:end])))
    except DAMAGE as error:
        raise unreadable(str(file), str(error).rstrip(".")) from error
    return NiftiHeader(found.file, found.fields, data)


def _header_file(path: Path) -> Path:
    """The file with the header: the .hdr beside an .img, if there is one, else `path`."""
    return next(_beside(path, HEADERS), path) if path.name.lower().endswith(VOXELS) else path


def _beside(path: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """Existing files of the name of `path` with another of `suffixes`, in lower or upper case."""
    stem = _stem(path)
    names = [stem + spelt for suffix in suffixes for spelt in (suffix, suffix.upper())]
    return (file for name in names if (file := path.with_name(name)).is_file())


def _stem(path: Path) -> str:
    suffix = next(suffix for suffix in sorted(SUFFIXES, key=len, reverse=True) if path.name.lower().endswith(suffix))
    return path.name[: -len(suffix)]
