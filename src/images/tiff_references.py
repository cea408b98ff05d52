"""References of a TIFF file, to its pages and to other files, checked before tifffile follows them."""

import struct
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from xml.etree import ElementTree

from ..errors import AiwaveError
from .image import unreadable
from .raw_voxels import within

if TYPE_CHECKING:
    import tifffile

LAYOUTS = {42: (4, "I", "H", 12), 43: (8, "Q", "Q", 20)}
"""By version, 43 being BigTIFF: where the first offset is, formats of offsets and counts, bytes of a tag."""


def check_pages_end(path: Path) -> None:
    """Raise AiwaveError if the pages of a file, each of which refers to the next one, never end."""
    with path.open("rb", buffering=0) as file, suppress(struct.error, KeyError):  # of which tifffile complains
        _check_chain(path, file)


def _check_chain(path: Path, file: BinaryIO) -> None:
    order = {b"II": "<", b"MM": ">"}[file.read(2)]
    place, offset_format, count_format, tag_size = LAYOUTS[_number(file, order + "H", 2)]
    count_size = struct.calcsize(count_format)
    seen: set[int] = set()
    while offset := _number(file, order + offset_format, place):
        if offset in seen:
            raise unreadable(str(path), f"its page {len(seen)} is followed by an earlier one")
        seen.add(offset)
        place = offset + count_size + tag_size * _number(file, order + count_format, offset)


def _number(file: BinaryIO, layout: str, place: int) -> int:
    """The number at a place; raises struct.error beyond the end."""
    if place >= 1 << 63:
        raise struct.error
    file.seek(place)
    return int(struct.unpack(layout, file.read(struct.calcsize(layout)))[0])


def check_named_files(path: Path, file: "tifffile.TiffFile") -> None:
    """Check the files that an OME description names, apart from `file` itself.

    Raises AiwaveError if one is not in the folder of `path` or below, or its pages never end.
    """
    try:
        root = ElementTree.fromstring(file.ome_metadata or "<none/>")
    except ElementTree.ParseError:  # of which tifffile complains
        return
    own = path.resolve()
    names = {element.get("FileName", "") for element in root.iter() if element.text != root.get("UUID")}
    for other in {within(own.parent, name, path) for name in names}:
        if other.is_file() and other != own:
            check_pages_end(other)


def check_page_files(path: Path, series: "tifffile.TiffPageSeries") -> None:
    """Raise AiwaveError if the metadata of a microscope led tifffile to pages outside of the folder of `path`."""
    for file in {page.parent for page in series.pages if page is not None}:
        if not Path(file.filehandle.path).resolve().is_relative_to(path.resolve().parent):
            raise AiwaveError(f"{path} names a file that is not in its own folder: put that file beside it.")
