"""NRRD files, attached (.nrrd) and detached (.nhdr), of which the header is kept."""

import gzip
import io
from pathlib import Path

import numpy as np

from ..errors import AiwaveError
from .axis_order import AxisOrder
from .image import WIDER, Image, Original, check_dimensions, unreadable
from .nrrd_header import NrrdHeader, field_name, parse_nrrd_header, read_nrrd_header
from .raw_voxels import Encoding, RawVoxels, listed_files

FORMAT = "nrrd"
SUFFIXES = (".nrrd", ".nhdr")
TYPES = {
    "int8": "signed char, int8, int8_t",
    "uint8": "uchar, unsigned char, uint8, uint8_t",
    "int16": "short, short int, signed short, signed short int, int16, int16_t",
    "uint16": "ushort, unsigned short, unsigned short int, uint16, uint16_t",
    "int32": "int, signed int, int32, int32_t",
    "uint32": "uint, unsigned int, uint32, uint32_t",
    "int64": "longlong, long long, long long int, signed long long, signed long long int, int64, int64_t",
    "uint64": "ulonglong, unsigned long long, unsigned long long int, uint64, uint64_t",
    "float32": "float",
    "float64": "double",
}
"""Names of types in a header, by numpy's."""
DTYPES = {name: dtype for dtype, names in TYPES.items() for name in names.split(", ")}
WRITTEN = {dtype: dtype for dtype in TYPES} | {"float32": "float", "float64": "double"}
ENCODINGS: dict[str, Encoding] = {"raw": "raw", "gzip": "gzip", "gz": "gzip", "bzip2": "bzip2", "bz2": "bzip2"}
ENCODINGS |= {"text": "text", "txt": "text", "ascii": "text", "hex": "hex"}
REPLACED = ("encoding", "endian", "datafile", "lineskip", "byteskip")
"""Fields of how voxels are stored, which those of the written file replace."""


def takes(path: Path) -> bool:
    """True if `path` is an NRRD file, by its name."""
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


def read(path: Path, channel: int | None = None) -> list[Image]:
    """Read the file as one image, (D, H, W), (T, D, H, W) or (C, D, H, W), with its header as the original.

    `channel`, counted from 1, chooses one. Raises AiwaveError, naming the file, if it is damaged, has other axes or no
    such channel, is of a type or encoding that is not supported, or lacks the files of its voxels.
    """
    found = read_nrrd_header(path)
    order = _order(found)
    if channel is None:
        order.image_shape  # noqa: B018  # refuses other axes before the voxels are read
    voxels, counted = order.arranged(_place(found).read(), channel)
    spacing, origin, direction = found.placement()
    original = Original(FORMAT, found.text) if channel is None else None
    period = found.period()
    return [Image(voxels, spacing, origin, direction, period=period, **counted, original=original)]


def write(image: Image, path: Path) -> None:
    """Write the image, compressed, with the header of its original if that is NRRD and of the same voxels.

    Booleans and 16-bit floats become the next wider type.
    """
    voxels = image.voxels.astype(WIDER.get(image.voxels.dtype.name, image.voxels.dtype), copy=False)
    voxels = voxels.astype(voxels.dtype.newbyteorder("<"), copy=False)
    text, stored = _as_original(image, path) or (_new_header(image, voxels), _slowest_last(image, voxels))
    with path.open("wb") as file:
        file.write(text)
        with gzip.GzipFile("", "wb", 6, file, mtime=0) as zipped:
            zipped.write(np.ascontiguousarray(stored).data)


def _slowest_last(image: Image, voxels: np.ndarray) -> np.ndarray:
    """The array of a new file: channels are its fastest axis."""
    return np.moveaxis(voxels, 0, -1) if image.channels else voxels


def _as_original(image: Image, path: Path) -> tuple[bytes, np.ndarray] | None:
    """Header and array of the original, if it is NRRD, undamaged, and of voxels like those of the image."""
    if image.original is None or image.original.format != FORMAT:
        return None
    try:
        found = parse_nrrd_header(io.BytesIO(image.original.data), path)
        order, dtype = _order(found), _dtype(found).newbyteorder("=")
        if (order.image_shape, dtype) != (image.voxels.shape, image.voxels.dtype):
            return None
    except AiwaveError:
        return None
    lines = []
    for line in found.text.splitlines(keepends=True):
        name, separator, value = line.partition(b":")
        if not line.strip(b"\r\n"):
            break
        field = field_name(name.decode("utf-8", "replace")) if separator and not value.startswith(b"=") else ""
        if field not in REPLACED:
            lines.append(line if line.endswith(b"\n") else line + b"\n")
        if field == "datafile" and value.strip().upper().startswith(b"LIST"):
            break  # names of files follow
    end = b"endian: little\nencoding: gzip\n\n"
    little = image.voxels.astype(image.voxels.dtype.newbyteorder("<"), copy=False)
    return b"".join(lines) + end, order.restored(little)


def _new_header(image: Image, voxels: np.ndarray) -> bytes:
    series = image.voxels.ndim == 4 and not image.channels
    sides = _slowest_last(image, voxels).shape[::-1]
    steps = np.reshape(image.direction, (3, 3)) * image.spacing[::-1]
    vectors = [[float(value) for value in steps[:, axis]] + [0.0] * series for axis in range(3)]
    words = ["(" + ",".join(map(repr, vector)) + ")" for vector in vectors]
    words = ["none"] * (len(sides) - 3 - series) + words + [f"(0,0,0,{image.period or 1.0!r})"] * series
    kinds = ["vector"] * (len(sides) - 3 - series) + ["domain"] * (3 + series)
    origin = [repr(float(value)) for value in image.origin] + ["0"] * series
    lines = [
        "NRRD0005",
        f"type: {WRITTEN[voxels.dtype.name]}",
        f"dimension: {len(sides)}",
        "space: left-posterior-superior" + "-time" * series,
        f"sizes: {' '.join(map(str, sides))}",
        f"space directions: {' '.join(words)}",
        f"kinds: {' '.join(kinds)}",
        "endian: little",
        "encoding: gzip",
        *(['space units: "mm" "mm" "mm" "s"'] if series and image.period else []),
        f"space origin: ({','.join(origin)})",
    ]
    return ("\n".join(lines) + "\n\n").encode()


def _order(found: NrrdHeader) -> AxisOrder:
    """Axes of the array in a file. Raises AiwaveError, naming the file, if they are fewer than three."""
    if len(found.sizes) < 3:
        check_dimensions(str(found.path), tuple(found.sizes[::-1]))
    return AxisOrder(str(found.path), found.letters[::-1], tuple(found.sizes[::-1]))


def _dtype(found: NrrdHeader) -> np.dtype:
    name = found.needed("type").lower()
    if name not in DTYPES:
        raise AiwaveError(f"{found.path} has voxels of type {name}: save it with integers or floats.")
    dtype = np.dtype(DTYPES[name])
    return dtype.newbyteorder(">" if found.fields.get("endian", "").lower() == "big" else "<")


def _place(found: NrrdHeader) -> RawVoxels:
    """Place of the voxels. Raises AiwaveError, naming the file, if their encoding is not supported."""
    name = found.needed("encoding").lower()
    if name not in ENCODINGS:
        raise AiwaveError(
            f"{found.path} has the encoding {name}, which cannot be read: save it with raw, gzip, bzip2, text or hex."
        )
    words, path = found.words("datafile"), found.path
    detached = bool(words) or path.suffix.lower() == ".nhdr"
    files = listed_files(path.parent, words, found.files, path) if detached else (path,)
    try:
        lines, skip = (int(found.fields.get(field, "0")) for field in ("lineskip", "byteskip"))
    except ValueError as error:
        raise unreadable(str(path), "its line skip or byte skip is no number") from error
    shape = tuple(found.sizes[::-1])
    return RawVoxels(
        path, files, _dtype(found), shape, ENCODINGS[name], 0 if detached else len(found.text), lines, skip
    )
