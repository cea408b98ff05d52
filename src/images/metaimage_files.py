"""MetaImage files, attached (.mha) and detached (.mhd), of which the header is kept."""

import io
import zlib
from pathlib import Path

import numpy as np

from ..errors import AiwaveError
from .image import WIDER, Image, Original
from .metaimage_header import LAST, TYPES, parse_meta_header, read_meta_header
from .physical_units import millimetres
from .placement import spacing_and_direction

FORMAT = "metaimage"
SUFFIXES = (".mha", ".mhd")
WRITTEN = {dtype: name for name, dtype in TYPES.items() if name not in ("MET_LONG", "MET_ULONG")}
REPLACED = {"BinaryData", "BinaryDataByteOrderMSB", "ElementByteOrderMSB", "CompressedData", "CompressedDataSize"}
REPLACED |= {"HeaderSize", LAST}
"""Fields of how voxels are stored, which those of the written file replace."""


def takes(path: Path) -> bool:
    """True if `path` is a MetaImage file, by its name."""
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


def read(path: Path, channel: int | None = None) -> list[Image]:
    """Read the file as one image, (D, H, W), (T, D, H, W) or (C, D, H, W), with its header as the original.

    `channel`, counted from 1, chooses one. Raises AiwaveError, naming the file, if it is damaged, has other axes or no
    such channel, or lacks the files of its voxels.
    """
    found = read_meta_header(path)
    if channel is None:
        found.order.image_shape  # noqa: B018  # refuses other axes before the voxels are read
    voxels, counted = found.order.arranged(found.place().read(), channel)
    axes = len(found.fields["DimSize"].split())
    unit = millimetres(found.fields.get("DistanceUnits", "mm")) or 1.0
    lengths = [*found.numbers("ElementSpacing", "ElementSize")[:3], 1.0, 1.0, 1.0][:3]
    turn = found.numbers("TransformMatrix", "Rotation", "Orientation")
    # a row of the file is the direction of an axis
    matrix = np.reshape(turn, (axes, axes))[:3, :3].T if len(turn) == axes * axes else np.eye(3)
    spacing, direction = spacing_and_direction(matrix, [length * unit for length in lengths])
    start = [*found.numbers("Offset", "Position", "Origin")[:3], 0.0, 0.0, 0.0][:3]
    x, y, z = (float(value) for value in np.nan_to_num(start) * unit + 0.0)
    original = Original(FORMAT, found.text) if channel is None else None
    return [Image(voxels, spacing, (x, y, z), direction, **counted, original=original)]


def write(image: Image, path: Path) -> None:
    """Write the image as .mha, compressed, with the header of its original if that is MetaImage of the same voxels.

    Booleans and 16-bit floats become the next wider type.
    """
    voxels = image.voxels.astype(WIDER.get(image.voxels.dtype.name, image.voxels.dtype), copy=False)
    lines, stored = _as_original(image, path) or _new(image, voxels)
    little = stored.astype(stored.dtype.newbyteorder("<"), copy=False)
    content = zlib.compress(np.ascontiguousarray(little).data, 6)
    end = ["BinaryData = True", "BinaryDataByteOrderMSB = False", "CompressedData = True"]
    end += [f"CompressedDataSize = {len(content)}", f"{LAST} = LOCAL"]
    with path.open("wb") as file:
        file.writelines([*lines, *(f"{line}\n".encode() for line in end), content])


def _as_original(image: Image, path: Path) -> tuple[list[bytes], np.ndarray] | None:
    """Lines of the header and array of the original, if it is MetaImage, undamaged, and of the image's voxels."""
    if image.original is None or image.original.format != FORMAT:
        return None
    try:
        found = parse_meta_header(io.BytesIO(image.original.data), path)
        if (found.order.image_shape, found.dtype.newbyteorder("=")) != (image.voxels.shape, image.voxels.dtype):
            return None
    except AiwaveError:
        return None
    lines = found.text.splitlines(keepends=True)
    kept = [line for line in lines if line.partition(b"=")[0].strip().decode("utf-8", "replace") not in REPLACED]
    return kept, found.order.restored(image.voxels)


def _new(image: Image, voxels: np.ndarray) -> tuple[list[bytes], np.ndarray]:
    """Lines of the header, and the array, of a new file."""
    series = image.voxels.ndim == 4 and not image.channels
    sides = [*image.voxels.shape[-3:][::-1], *([len(image.voxels)] if series else [])]
    axes = len(sides)
    matrix = np.eye(axes)
    matrix[:3, :3] = np.reshape(image.direction, (3, 3)).T
    numbers = {
        "TransformMatrix": matrix.flatten().tolist(),
        "Offset": [*image.origin, 0.0][:axes],
        "ElementSpacing": [*image.spacing[::-1], 1.0][:axes],
    }
    lines = ["ObjectType = Image", f"NDims = {axes}"]
    lines += [f"{name} = {' '.join(repr(float(value)) for value in values)}" for name, values in numbers.items()]
    lines += [f"DimSize = {' '.join(map(str, sides))}", f"ElementType = {WRITTEN[voxels.dtype.name]}"]
    stored = voxels
    if image.channels:
        lines.append(f"ElementNumberOfChannels = {len(voxels)}")
        stored = np.moveaxis(voxels, 0, -1)
    return [f"{line}\n".encode() for line in lines], stored
