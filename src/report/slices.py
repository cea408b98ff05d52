"""Slices for visual comparison: original, decoded and difference, as arrays and pictures."""

import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np

from ..errors import AiwaveError
from ..writing import replacing
from .tables import RdRow

SLICES = "slices"
"""Name of the folder of slices beside an RD table."""

MOST_VOLUMES = 3  # of a data set in a report

MIDDLE_BPP = 1.0  # slices are kept at the rate nearest to this one, so that codecs can be compared

LARGEST = 1 << 28  # bytes of a slice's arrays, however well they are compressed

LONGEST_NAME = 160  # bytes of a file's name; file systems take 255, and suffixes are added

WINDOW = (0.5, 99.5)  # percentiles of the original shown as black and white

Plane = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Slice:
    """The middle plane across z of one volume, original and decoded: two (H, W) arrays of one integer dtype."""

    row: RdRow
    original: Plane
    decoded: Plane


def middle(slices: Sequence[Slice]) -> Slice:
    """The slice whose rate is nearest to 1 bit per voxel, by ratio."""
    return min(slices, key=lambda one: abs(math.log(max(one.row.bpp, 1e-9) / MIDDLE_BPP)))


def save_slice(one: Slice, folder: Path) -> Path:
    """Write `folder`/slices/NAME.npz and, beside it, the picture of `draw_slice`; return the picture's path.

    Raises:
        AiwaveError: If a file cannot be written.
    """
    path = folder / SLICES / f"{_stem(one)}.npz"
    numbers = (one.row.quality, one.row.bpp, one.row.psnr_db, one.row.encode_s, one.row.decode_s)
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(
            stream,
            names=np.array([one.row.dataset, one.row.file, one.row.codec]),
            numbers=np.array(numbers),
            original=one.original,
            decoded=one.decoded,
        )
    return draw_slice(one, folder)


def draw_slice(one: Slice, folder: Path) -> Path:
    """Draw the three `pictures` of a slice in a row as `folder`/slices/NAME.png and return its path.

    Raises:
        AiwaveError: If the file cannot be written.
    """
    path = folder / SLICES / f"{_stem(one)}.png"
    with replacing(path) as temporary:
        temporary.write_bytes(png(_in_a_row(pictures(one))))
    return path


def some_slices(slices: Sequence[Slice]) -> list[Slice]:
    """The slices of the first three volumes of every data set; one per volume and codec."""
    files: dict[str, list[str]] = {}
    kept: dict[tuple[str, str, str], Slice] = {}
    for one in sorted(slices, key=lambda one: one.row.file):
        row = one.row
        of_set = files.setdefault(row.dataset, [])
        if row.file not in of_set and len(of_set) < MOST_VOLUMES:
            of_set.append(row.file)
        if row.file in of_set:
            kept.setdefault((row.dataset, row.file, row.codec), one)
    return list(kept.values())


def file_name(text: str) -> str:
    """The text with characters that file systems dislike replaced; a hash stands for the end of a long one."""
    name = "".join(c if c.isalnum() or c in "-_." else "_" for c in text)
    encoded = name.encode()
    if len(encoded) <= LONGEST_NAME:
        return name
    start = encoded[: LONGEST_NAME - 9].decode(errors="ignore")
    return f"{start}.{sha256(text.encode()).hexdigest()[:8]}"


def _stem(one: Slice) -> str:
    return file_name(f"{one.row.dataset}.{one.row.file}.{one.row.codec}")


def png(picture: Plane) -> bytes:
    """An 8-bit grey picture (H, W) as a PNG file."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, format="png", optimize=True)
    return stream.getvalue()


def read_slices(folder: Path) -> list[Slice]:
    """The slices in `folder`/slices, by name.

    Raises:
        AiwaveError: If a file is damaged.
    """
    return [_read(path) for path in sorted((folder / SLICES).glob("*.npz"))]


def _read(path: Path) -> Slice:
    damaged = f"{path} holds no slices: delete it or evaluate again."
    try:
        with ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > LARGEST:
                raise AiwaveError(damaged)
        with np.load(path, allow_pickle=False) as stored:
            names, numbers, original, decoded = (stored[key] for key in ("names", "numbers", "original", "decoded"))
    except Exception as error:  # of zip, its decompressors and NumPy
        raise AiwaveError(damaged) from error
    planes = original.ndim == 2 and original.shape == decoded.shape and 0 not in original.shape
    whole = original.dtype.kind in "ui" and decoded.dtype.kind in "ui"
    row = names.shape == (3,) and names.dtype.kind == "U" and numbers.shape == (5,) and numbers.dtype.kind in "fiu"
    if not (planes and whole and row):
        raise AiwaveError(damaged)
    return Slice(RdRow(*names.tolist(), *numbers.tolist()), original, decoded)


def pictures(one: Slice, side: int = 256) -> list[Plane]:
    """Original, decoded and their difference ×10 as 8-bit pictures, cropped to the middle `side` × `side` pixels.

    Black and white of the first two are the original's percentiles 0.5 and 99.5; the difference, decoded minus
    original, is shown around mid-grey with ten times their contrast.
    """
    original, decoded = (_crop(plane, side).astype(np.float64) for plane in (one.original, one.decoded))
    low, high = np.percentile(original, WINDOW)
    gain = 255 / max(high - low, 1.0)
    shades: Iterable[Plane] = (
        (original - low) * gain,
        (decoded - low) * gain,
        127.5 + 10 * (decoded - original) * gain,
    )
    return [np.clip(np.round(shade), 0, 255).astype(np.uint8) for shade in shades]


def _in_a_row(planes: Sequence[Plane]) -> Plane:
    gap = np.full((planes[0].shape[0], 4), 255, np.uint8)
    return np.hstack([part for plane in planes for part in (plane, gap)][:-1])


def _crop(plane: Plane, side: int) -> Plane:
    starts = [max(0, (size - side) // 2) for size in plane.shape]
    return plane[starts[0] : starts[0] + side, starts[1] : starts[1] + side]
