"""Header of a MetaImage file: its text, fields, and what they say of axes, type and place of the voxels."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

import numpy as np

from ..errors import AiwaveError
from .axis_order import AxisOrder
from .image import check_dimensions, unreadable
from .physical_units import number
from .raw_voxels import Encoding, RawVoxels, listed_files

TYPES = {
    "MET_CHAR": "int8",
    "MET_UCHAR": "uint8",
    "MET_SHORT": "int16",
    "MET_USHORT": "uint16",
    "MET_INT": "int32",
    "MET_UINT": "uint32",
    "MET_LONG": "int32",
    "MET_ULONG": "uint32",
    "MET_LONG_LONG": "int64",
    "MET_ULONG_LONG": "uint64",
    "MET_FLOAT": "float32",
    "MET_DOUBLE": "float64",
}
"""numpy's types by their names; those of "long" have 32 bits in this format."""
LAST = "ElementDataFile"
"""Field after which the header ends."""
LINE = 1 << 24  # longest line, in bytes


@dataclass(frozen=True)
class MetaHeader:
    """`text` of a header up to the line of its data file, its `fields`, and the lines after it in a list of files."""

    path: Path
    text: bytes
    fields: dict[str, str]
    files: tuple[str, ...]

    def first_of(self, *names: str) -> str:
        """Text of the first of several synonymous fields; "" if there is none."""
        return next((self.fields[name] for name in names if name in self.fields), "")

    def is_true(self, *names: str) -> bool:
        """True if one of several synonymous fields is."""
        return self.first_of(*names).lower() in ("true", "1", "yes", "t", "y")

    def numbers(self, *names: str) -> list[float]:
        """Numbers of the first of several synonymous fields; NaN where there is none."""
        found = (number(word) for word in self.first_of(*names).split())
        return [float("nan") if value is None else value for value in found]

    @cached_property
    def order(self) -> AxisOrder:
        """Axes of the array in the file. Raises AiwaveError, naming it, if none or fewer than three are declared."""
        words = self.fields.get("DimSize", "").split()
        if not words or not all(re.fullmatch(r"\d+", word) for word in words):
            raise unreadable(str(self.path), f"its DimSize is {self.fields.get('DimSize', 'missing')!r}")
        sizes = [int(word) for word in words]
        if len(sizes) < 3:
            check_dimensions(str(self.path), tuple(sizes[::-1]))
        components = int(number(self.fields.get("ElementNumberOfChannels", "1")) or 1)
        letters = ("XYZT" + "Q" * len(sizes))[: len(sizes)]
        shape = (*sizes[::-1], components) if components > 1 else tuple(sizes[::-1])
        return AxisOrder(str(self.path), letters[::-1] + "C" * (components > 1), shape)

    @property
    def dtype(self) -> np.dtype:
        """Type of the voxels. Raises AiwaveError, naming the file, if it is not supported."""
        name = self.fields.get("ElementType", "missing").removesuffix("_ARRAY")
        if name not in TYPES:
            raise AiwaveError(f"{self.path} has the ElementType {name}: save it with integers or floats.")
        big = self.is_true("BinaryDataByteOrderMSB", "ElementByteOrderMSB")
        return np.dtype(TYPES[name]).newbyteorder(">" if big else "<")

    def place(self) -> RawVoxels:
        """Place of the voxels. Raises AiwaveError, naming the file, if none is declared."""
        words = self.fields[LAST].split()
        local = [word.upper() for word in words] == ["LOCAL"]
        files = (self.path,) if local else listed_files(self.path.parent, words, self.files, self.path)
        encoding: Encoding = "zlib" if self.is_true("CompressedData") else "raw"
        if not self.is_true("BinaryData") and "BinaryData" in self.fields:
            encoding = "text"
        skip = int(number(self.fields.get("HeaderSize", "0")) or 0)
        start = len(self.text) if local else 0
        if skip > 0 and encoding == "zlib":  # before the compressed bytes
            start, skip = start + skip, 0
        return RawVoxels(self.path, files, self.dtype, self.order.shape, encoding, start, skip=skip)


def read_meta_header(path: Path) -> MetaHeader:
    """Read the header of a file. Raises AiwaveError, naming it, if it has none."""
    with path.open("rb") as stream:
        return parse_meta_header(stream, path)


def parse_meta_header(stream: IO[bytes], path: Path) -> MetaHeader:
    """Parse the header at the beginning of a stream. Raises AiwaveError, naming `path`, if there is none."""
    fields: dict[str, str] = {}
    text = bytearray()
    while line := stream.readline(LINE):
        text += line
        name, separator, value = line.decode("utf-8", "replace").partition("=")
        if not separator and line.strip():
            break
        fields[name.strip()] = value.strip()
        if name.strip() == LAST:
            is_list = value.split()[:1] == ["LIST"]
            files = stream.read(LINE).decode("utf-8", "replace").splitlines() if is_list else []
            return MetaHeader(path, bytes(text), fields, tuple(files))
    raise unreadable(str(path), f"its header has no {LAST}" if fields else "it has no MetaImage header")
