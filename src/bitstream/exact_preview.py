"""Previews of what models without a transform code losslessly, from the voxels alone: nothing needs to be decoded.

The order of axes is found again, which takes coding a part twice where another one than z is in question.
"""

import numpy as np

from .axis_order import as_before, in_best_order
from .encoder import SIDE
from .header import Header
from .model import Model
from .plain_tiles import coarse
from .restorer import Restorer
from .voxel_types import prepare


def exact_preview(volume: np.ndarray, model: Model) -> np.ndarray:
    """The result of `decompress` with level=1 for a lossless stream of a voxel model with tiles of the default size.

    `volume` holds integers of 8 or 16 bits, (D, H, W) or (T, D, H, W); the preview has the same type, and half the
    size along z, y, x, rounded up.
    """
    source = in_best_order(prepare(volume, lossless=True), model, 0)
    header = Header(volume.dtype, source.shape, source.is_series, True, model.levels, SIDE, 0, source.offset, b"")
    restorer = Restorer(header, source.table)
    half = np.empty([source.shape[0], *(-(-side // 2) for side in source.shape[1:])], volume.dtype)
    for tile in header.grid.tiles():
        z, y, x = tile.box
        low = coarse(source.numbers(source.voxels[tile.frame, z, y, x]), 1)
        z, y, x = (slice(part.start // 2, -(-part.stop // 2)) for part in tile.box)
        half[tile.frame, z, y, x] = restorer.voxels(low)
    half = as_before(half, source.first)
    return half if source.is_series else half[0]
