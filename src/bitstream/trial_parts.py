"""Parts of a volume on which models, and ways of coding, are compared; their cost."""

import math

import numpy as np

from ..models.quantisation.slopes import SLOPE
from ..stores.spread import scattered
from .model import Model
from .tile_codec import TileCodec, one
from .tile_work import squared_error
from .voxel_types import base_of

SIDE, PARTS, LOOKED_AT = 32, 4, 48
"""Parts that candidates are compared on: voxels per side, about, their number, and that of the places looked at."""

COMMON = 0.5
"""Share of the most frequent value above which a part is background, and tells nothing about models.

The edges of a patient or a brain are no background: scans have many, and models differ there.
"""


def textured_parts(volume: np.ndarray) -> list[np.ndarray]:
    """Up to `PARTS` blocks (d, h, w) of about `SIDE` voxels per side, spread over the volume, without background.

    A side of up to 1.5 times that is not halved, since models pay for borders differently.
    If there is hardly anything else, those with the least; none if the volume is flat wherever it was looked at.
    """
    series = volume.reshape(-1, *volume.shape[-3:])
    blocks = [max(1, (size + SIDE // 2 - 1) // SIDE) for size in series.shape[1:]]
    found: list[tuple[float, np.ndarray]] = []
    for number in scattered(len(series) * math.prod(blocks), LOOKED_AT):
        frame, *at = np.unravel_index(number, (len(series), *blocks))
        box = tuple(
            slice(k * size // n, (k + 1) * size // n) for k, n, size in zip(at, blocks, series.shape[1:], strict=True)
        )
        part = series[frame][box]
        common = float(np.unique(part, return_counts=True)[1].max() / part.size)
        if common < 1:
            found.append((max(common, COMMON), part))
        if sum(share == COMMON for share, _ in found) == PARTS:
            break
    return [part for _, part in sorted(found, key=lambda item: item[0])[:PARTS]]


def cost(model: Model, part: np.ndarray, log_step: int) -> float:
    """Estimated bits of a part (d, h, w) with a model and, at a step, what its squared error is worth in bits."""
    lossless = model.only_lossless
    voxels = part if part.dtype.kind == "f" else part.astype(np.int32) - base_of(part)
    codec = TileCodec(model, log_step, lossless)
    if lossless:
        return 8.0 * sum(map(len, codec.encode([voxels])[0][0].chunks))
    q = codec.analyse([voxels])
    return codec.bits(q, part.shape) + squared_error(codec, one(q, 0), voxels, (-math.inf, math.inf)) / (
        SLOPE * codec.step**2
    )
