"""Tags and page order of a TIFF file, kept as bytes, and the same file written again from its voxels."""

import json
import math
import struct
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .axis_order import AxisOrder
from .image import Image, Original

if TYPE_CHECKING:
    import tifffile

FORMAT = "tiff"
LAYOUT = {256, 257, 258, 259, 266, 273, 277, 278, 279, 292, 293, 317, 322, 323, 324, 325, 339, 347, 32997, 32998}
"""Tags that follow from the voxels and how they are stored."""
COLOURS = {262, 284, 320, 338, 529, 530, 531, 532}
"""Tags for which tifffile has options, or that describe a colour space of which only the converted voxels are kept."""
OFFSETS = {330, 400, 512, 513, 514, 515, 517, 519, 520, 521, 33628, 33629, 33630, 33631, 34412, 34665, 34853, 40965}
"""Tags that point into the file: other directories, old JPEG, MetaMorph and LSM."""
POINTED = {
    330: "its smaller images",
    34665: "EXIF data",
    34853: "GPS data",
    33628: "MetaMorph data",
    34412: "LSM data",
}
"""Content that is not kept, because it lies elsewhere in the file, by the tag that points to it."""
RESOLUTIONS = (282, 283, 296)
SUBFILE, PALETTE = 254, 320
PHOTOMETRICS = {0: "miniswhite", 1: "minisblack", 2: "rgb", 3: "palette", 5: "separated", 6: "rgb", 8: "cielab"}
BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 16: 8, 17: 8}
"""Bytes per value, by type of a tag."""
LIMIT = 1 << 25  # bytes of the tags of a file, which take many times as much memory
Tags = dict[int, tuple[int, bytes]]
"""Type and value, in the byte order of the file, by tag."""


def original_of(series: "tifffile.TiffPageSeries", axes: AxisOrder) -> Original | None:
    """The description, tags and layout of a series with `axes`.

    None if its pages are in several files, or are not planes, or its tags are too long. Of pages after the first, only
    differences are kept; a page without a directory of its own has None.
    """
    first, file = series.keyframe, series.parent
    pages = list(series.pages)
    if (
        file is None
        or first.axes.strip("S") != "YX"
        or any(page is not None and (page.parent is not file or not isinstance(page.index, int)) for page in pages)
    ):
        return None
    count = math.prod(series.shape) // math.prod(first.shape)
    pages += [None] * (count - len(pages))
    tags = [None if page is None else _tags(file, page.offset) for page in pages]
    ranks = [k if page is None else page.index for k, page in enumerate(pages)]
    base = tags[0] or {}
    options = {
        "big": file.is_bigtiff,
        "order": file.byteorder,
        "axes": axes.letters,
        "shape": list(axes.shape),
        "dtype": np.dtype(series.dtype).name,
        "page": list(first.shape),
        "ranks": ranks if ranks != list(range(count)) else [],
        "photometric": int(first.photometric),
        "planar": int(first.planarconfig),
        "extra": [int(kind) for kind in first.extrasamples],
        "first": _encoded(base),
        "further": [None if one is None else _difference(base, one) for one in tags[1:]],
    }
    content = json.dumps(options, sort_keys=True, separators=(",", ":")).encode()
    return Original(FORMAT, zlib.compress(content, 9)) if len(content) <= LIMIT else None


def left_out(series: "tifffile.TiffPageSeries") -> list[str]:
    """Names of what belongs to a series beside its voxels and tags, which is not kept."""
    return [name for code, name in POINTED.items() if code in series.keyframe.tags]


def write_as_original(image: Image, path: Path) -> bool:
    """Write an image with the header of its original, deflated.

    False, and no complete file, if it has no TIFF header, its voxels are not those of the whole original, or the header
    is damaged or of a kind that cannot be written.
    """
    if image.original is None or image.original.format != FORMAT:
        return False
    try:
        found = json.loads(zlib.decompressobj().decompress(image.original.data, LIMIT))
        order = AxisOrder(str(path), found["axes"], tuple(found["shape"]))
        if image.voxels.shape != order.image_shape or image.voxels.dtype.name != found["dtype"]:
            return False
        _write_pages(order.restored(image.voxels).reshape(-1, *found["page"]), found, path)
    except (ValueError, TypeError, LookupError, struct.error, zlib.error):
        return False
    return True


def _write_pages(pages: np.ndarray, found: Mapping[str, Any], path: Path) -> None:
    """Write `pages`, in the order of the series, as `found` describes. Raises ValueError if tifffile refuses."""
    import tifffile

    tags = _page_tags(found)
    ranks = found["ranks"] or list(range(len(pages)))
    if not len(pages) == len(tags) == len(ranks):
        raise ValueError
    big = found["big"] or pages.nbytes > 1 << 31
    with tifffile.TiffWriter(path, bigtiff=big, byteorder=found["order"], ome=False, imagej=False) as file:
        if set(map(type, found["further"])) == {type(None)}:  # one directory, contiguous voxels
            file.write(pages, metadata=None, truncate=True, **_options(found, tags[0]) | {"compression": None})
            return
        for k in np.argsort(ranks, kind="stable").tolist():
            file.write(np.ascontiguousarray(pages[k]), metadata=None, **_options(found, tags[k]))


def _options(found: Mapping[str, Any], tags: Tags) -> dict[str, Any]:
    """Arguments of tifffile for a page with `tags`."""
    options: dict[str, Any] = {
        "compression": "zlib",
        "software": False,
        "photometric": PHOTOMETRICS.get(found["photometric"], "minisblack"),
        "extratags": [(code, kind, None, value, False) for code, (kind, value) in tags.items() if _is_free(code)],
    }
    order = found["order"]
    if len(found["page"]) > 2:
        options["planarconfig"] = found["planar"]
        options["extrasamples"] = found["extra"] or None
    if PALETTE in tags and options["photometric"] == "palette":
        options["colormap"] = np.frombuffer(tags[PALETTE][1], f"{order}u2").astype("u2").reshape(3, -1)
    if SUBFILE in tags:
        options["subfiletype"] = int(np.frombuffer(tags[SUBFILE][1], f"{order}u4")[0])
    if all(code in tags for code in RESOLUTIONS[:2]):
        ratios = [np.frombuffer(tags[code][1], f"{order}u4").tolist() for code in RESOLUTIONS[:2]]
        if all(below for _, below in ratios):
            options["resolution"] = ratios
            unit = tags.get(RESOLUTIONS[2])
            options["resolutionunit"] = int(np.frombuffer(unit[1], f"{order}u2")[0]) if unit else None
    return options


def _is_free(code: int) -> bool:
    """True if tifffile has no option for a tag."""
    return code not in (*COLOURS, *RESOLUTIONS, SUBFILE)


def _tags(file: "tifffile.TiffFile", offset: int) -> Tags:
    """Tags, that do not follow from its voxels, of the page whose directory is at `offset`.

    They are read here, since tifffile takes ten times as long to interpret them.
    """
    handle, found = file.filehandle, {}
    count, entry = ("Q", "HHQ8s") if file.is_bigtiff else ("H", "HHI4s")
    handle.seek(offset)
    (entries,) = struct.unpack(file.byteorder + count, handle.read(struct.calcsize("=" + count)))
    block = handle.read(entries * struct.calcsize("=" + entry))
    for code, kind, length, value in struct.iter_unpack(file.byteorder + entry, block):
        size = length * BYTES.get(kind, 0)
        if code in LAYOUT or code in OFFSETS or not 0 < size <= handle.size:
            continue
        if size > len(value):
            handle.seek(int.from_bytes(value, "little" if file.byteorder == "<" else "big"))
            value = handle.read(size)
        found[code] = (kind, value[:size])
    return found


def _difference(base: Tags, tags: Tags) -> dict[str, Any]:
    changed = {code: value for code, value in tags.items() if base.get(code) != value}
    dropped = sorted(code for code in base if code not in tags)
    return ({"set": _encoded(changed)} if changed else {}) | ({"drop": dropped} if dropped else {})


def _page_tags(found: Mapping[str, Any]) -> list[Tags]:
    """Tags of every page, in the order of the series."""
    base = _plain(found["first"])
    pages = [base]
    for change in found["further"]:
        change = change or {}  # pages without a directory are as the first
        kept = {code: value for code, value in base.items() if code not in change.get("drop", ())}
        pages.append(kept | _plain(change.get("set", {})))
    return pages


def _encoded(tags: Tags) -> dict[str, list[Any]]:
    return {str(code): [kind, b64encode(value).decode()] for code, (kind, value) in tags.items()}


def _plain(encoded: Mapping[str, Any]) -> Tags:
    return {int(code): (kind, b64decode(value)) for code, (kind, value) in encoded.items()}
