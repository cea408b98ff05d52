"""Siemens mosaics: all slices of a volume as the tiles of one image."""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import AiwaveError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

GROUP, CREATOR, TILES = 0x0019, "SIEMENS MR HEADER", 0x0A
SLICES = re.compile(r"sSliceArray\.lSize\s*=\s*(\d+)")


@dataclass(frozen=True, eq=False)
class Layout:
    """`count` tiles of `size` (H, W): the first voxel of tile k lies at `origin` + k * `step`, (x, y, z) in mm.

    `origin` is None if the mosaic has no position.
    """

    count: int
    size: tuple[int, int]
    origin: np.ndarray | None
    step: np.ndarray


def is_mosaic(header: "Dataset") -> bool:
    """True if an image is a mosaic."""
    return "MOSAIC" in [str(value) for value in header.get("ImageType") or []]


def layout(path: Path, header: "Dataset") -> Layout:
    """Number, size and place of the tiles. Raises AiwaveError, naming the file, if their number cannot be found.

    nibabel corrects the position, which is that of a slice as large as the whole mosaic, and finds the direction of
    the slices in Siemens's private header; without that header, they follow the normal of their plane.
    """
    from nibabel.nicom.csareader import CSAReadError, get_csa_header
    from nibabel.nicom.dicomwrappers import MosaicWrapper

    try:
        private = get_csa_header(header) or {}
    except CSAReadError:
        private = {}
    count = _count(header, private)
    side = max(math.ceil(math.sqrt(count)), 1)
    rows, columns = int(header.Rows), int(header.Columns)
    if not count or rows % side or columns % side:
        if count:
            found = f"its {rows}×{columns} pixels are not those of {count} tiles: export the series again as it was."
        else:
            found = "its number of tiles is not declared: export the series again with Siemens's private elements."
        raise AiwaveError(f"{path} is a Siemens mosaic, but {found}")
    wrapper = MosaicWrapper(header, private, count)
    position, normal = wrapper.image_position, wrapper.slice_normal
    step = np.zeros(3) if normal is None else np.asarray(normal) * float(wrapper.voxel_sizes[2])
    return Layout(count, (rows // side, columns // side), position, step)


def unpacked(mosaic: np.ndarray, count: int) -> np.ndarray:
    """The tiles, (count, H, W), of a mosaic, (side * H, side * W)."""
    side = math.ceil(math.sqrt(count))
    height, width = mosaic.shape[0] // side, mosaic.shape[1] // side
    tiles = mosaic.reshape(side, height, side, width).swapaxes(1, 2)
    return tiles.reshape(side * side, height, width)[:count]


def packed(tiles: np.ndarray) -> np.ndarray:
    """The mosaic, (side * H, side * W), of tiles, (count, H, W): the inverse of `unpacked`, with 0 where no tile is."""
    count, height, width = tiles.shape
    side = math.ceil(math.sqrt(count))
    whole = np.zeros((side * side, height, width), tiles.dtype)
    whole[:count] = tiles
    return whole.reshape(side, side, height, width).swapaxes(1, 2).reshape(side * height, side * width)


def _count(header: "Dataset", private: dict) -> int:
    """Number of tiles, 0 if it cannot be found."""
    from nibabel.nicom.csareader import get_csa_header, get_n_mosaic

    try:
        return int(header.private_block(GROUP, CREATOR)[TILES].value)
    except (KeyError, TypeError, ValueError):
        pass
    if private and (found := get_n_mosaic(private)):
        return int(found)
    protocol = ((get_csa_header(header, "series") or {}).get("tags") or {}).get("MrPhoenixProtocol") or {}
    matches = [SLICES.search(str(item)) for item in protocol.get("items") or []]
    return next((int(match[1]) for match in matches if match), 0)
