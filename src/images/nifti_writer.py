"""Writing of NIfTI files: the original header with the voxels, changed where it must be, or a new header."""

import gzip
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import AiwaveError
from .image import WIDER, Image
from .nifti import FORMAT
from .nifti_geometry import SCANNER, image_affine, move, place
from .nifti_header import COLOURS, TYPES, VECTOR, NiftiHeader, parse_nifti_header

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Header

LONGEST_SIDE = 32767  # of NIfTI-1
CODES = {np.dtype(name).name: code for code, name in reversed(TYPES.items())}
MILLIMETRES, SECONDS = 2, 8  # bits of xyzt_units
TEXTS = ("db_name", "descrip", "aux_file", "cal_max", "cal_min", "glmax", "glmin")
"""Fields that Analyze and NIfTI share, besides those that follow from the image."""


def write(image: Image, path: Path) -> None:
    """Write .nii, with the header of the original if that is NIfTI or Analyze.

    For the voxels of the whole original, it is written as it was; a pair becomes a single file. For others, such as a
    region, only axes, type, affines and scaling change. A new header has 32-bit geometry. Booleans and 16-bit floats
    become the next wider type. Raises OSError if the operating system refuses.
    """
    head, array = nifti_content(image)
    with path.open("wb") as file:
        file.write(head)
        file.write(array.data)


def write_zipped(image: Image, path: Path) -> None:
    """Write .nii.gz, deterministically; otherwise as `write`."""
    head, array = nifti_content(image)
    with path.open("wb") as file, gzip.GzipFile("", "wb", 6, file, mtime=0) as zipped:
        zipped.write(head)
        zipped.write(array.data)


def nifti_content(image: Image) -> tuple[bytes, np.ndarray]:
    """Bytes before the voxels of a .nii file, and its array, contiguous and in the byte order of its header.

    Raises AiwaveError for geometry or scaling that a header cannot hold.
    """
    try:
        with np.errstate(over="raise"):
            return _content(image)
    except FloatingPointError as error:
        raise AiwaveError(
            "A NIfTI header has 32-bit numbers, beyond which are the geometry, period or scaling of the image: write "
            "another format."
        ) from error


def _content(image: Image) -> tuple[bytes, np.ndarray]:
    voxels = image.voxels.astype(WIDER.get(image.voxels.dtype.name, image.voxels.dtype), copy=False)
    found, array = _original_header(image), voxels
    if found is None or found.is_analyze:
        new = _new(image, voxels, "<") if found is None else _from_analyze(found, image, voxels)
        head, order = bytes(new.fields.binaryblock + bytes(4)), new.fields.endianness
        array = _components_slowest(image, voxels)
    else:
        is_whole = (found.order.image_shape, found.dtype.name) == (voxels.shape, voxels.dtype.name)
        head, array = (_single(found), found.order.restored(voxels)) if is_whole else _changed(found, image, voxels)
        order = found.fields.endianness
    return head, np.ascontiguousarray(array.astype(array.dtype.newbyteorder(order), copy=False))


def _original_header(image: Image) -> NiftiHeader | None:
    """The header of the original, if it is NIfTI or Analyze, undamaged, and can hold the image."""
    if image.original is None or image.original.format != FORMAT:
        return None
    try:
        found = parse_nifti_header(image.original.data, "The original header")
        found.order.image_shape, found.dtype, found.start  # noqa: B018  # raise if they make no sense
    except AiwaveError:
        return None
    can_hold = found.fields.sizeof_hdr > 348 or max(image.voxels.shape) <= LONGEST_SIDE
    return found if can_hold or found.order.image_shape == image.voxels.shape else None


def _single(found: NiftiHeader) -> bytes:
    """The bytes of a NIfTI header as those of a single file, padded to a multiple of 16."""
    if not found.is_pair and found.start == len(found.data):
        return found.data
    fields, size = found.fields.copy(), found.fields.template_dtype.itemsize
    rest = found.data[size:].ljust(4, b"\0")
    rest += bytes(-(size + len(rest)) % 16)
    fields["magic"] = fields.single_magic
    fields["vox_offset"] = size + len(rest)
    return bytes(fields.binaryblock + rest)


def _changed(found: NiftiHeader, image: Image, voxels: np.ndarray) -> tuple[bytes, np.ndarray]:
    """The original's header for other voxels, and their array."""
    single = parse_nifti_header(_single(found), found.file)
    fields, scaling, letters = single.fields, single.scaling, found.order.letters
    move(single, image_affine(image))
    colours = COLOURS.get(int(fields["datatype"]), 0)
    is_coloured = bool(colours) and voxels.dtype == np.uint8 and voxels.ndim == 4 and len(voxels) == colours
    if not is_coloured and (colours or voxels.dtype.name != found.dtype.name):
        _set_type(fields, voxels.dtype)
    array = np.moveaxis(voxels, 0, -1) if is_coloured else _components_slowest(image, voxels)
    has_components = image.channels or ("C" in letters and "T" not in letters)
    _set_axes(fields, array.shape[:3] if is_coloured else array.shape, has_components)
    if scaling != (image.slope, image.intercept):
        fields["scl_slope"], fields["scl_inter"] = image.slope, image.intercept
    head = fields.binaryblock
    return bytes(head + single.data[len(head) :]), array


def _new(image: Image, voxels: np.ndarray, order: str) -> NiftiHeader:
    """A new header in byte order `order`."""
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    fields = (Nifti1Header if max(voxels.shape) <= LONGEST_SIDE else Nifti2Header)(endianness=order)
    _set_axes(fields, _components_slowest(image, voxels).shape, image.channels)
    _set_type(fields, voxels.dtype)
    fields["intent_code"] = VECTOR if image.channels or image.hyperstack else 0
    fields["scl_slope"], fields["scl_inter"] = image.slope, image.intercept
    fields["xyzt_units"] = MILLIMETRES | (SECONDS if image.period else 0)
    fields["pixdim"][4] = image.period or 1.0
    fields["vox_offset"] = len(fields.binaryblock) + 4
    found = NiftiHeader("", fields, b"")
    place(found, image_affine(image), SCANNER, SCANNER)
    return found


def _from_analyze(found: NiftiHeader, image: Image, voxels: np.ndarray) -> NiftiHeader:
    """A new NIfTI header in the byte order of an Analyze header, with its texts."""
    new = _new(image, voxels, found.fields.endianness)
    for name in TEXTS:
        if name in new.fields:
            new.fields[name] = found.fields[name]
    return new


def _components_slowest(image: Image, voxels: np.ndarray) -> np.ndarray:
    """The array of a new file: of a hyperstack (C, T, D, H, W)."""
    if not image.hyperstack:
        return voxels
    return voxels.reshape(-1, image.hyperstack, *voxels.shape[1:]).swapaxes(0, 1)


def _set_axes(fields: "Nifti1Header", shape: tuple[int, ...], channels: bool) -> None:
    """Set the axes for an array (D, H, W), (T, D, H, W), (C, T, D, H, W) or, with `channels`, (C, D, H, W)."""
    sides = [*shape[-3:][::-1], 1, 1, 1, 1]
    least = 3
    if len(shape) == 5:
        least, sides[3], sides[4] = 5, shape[1], shape[0]
    if len(shape) == 4:
        least = 5 if channels else 4
        sides[least - 1] = shape[0]
    fields["dim"] = [max(least, int(fields["dim"][0])), *sides]


def _set_type(fields: "Nifti1Header", dtype: np.dtype) -> None:
    fields["datatype"], fields["bitpix"] = CODES[dtype.name], 8 * dtype.itemsize
