"""Order of axes: that across which neighbours differ most is coded first, as thick sections are, if it pays."""

from contextlib import suppress
from dataclasses import replace

import numpy as np

from ..coding.constants import log_step_of
from ..errors import AiwaveError
from ..stores.spread import spread
from .model import Model
from .plain_tiles import Look, smallest
from .trial_parts import cost, textured_parts
from .voxel_types import Source

SIDE, COUNT = 16, 24
"""Voxels per side of the blocks in which neighbours are compared, and their number."""

MARGIN = 0.2
"""Bits by which the differences along an axis must exceed those along z, for it to be tried first."""

TRIED, PAYS = 2, 0.99
"""Parts that are coded in both orders, and the share of the usual cost that another must undercut."""

LEAST = 1 << 16
"""Voxels below which the parts would be nearly all, and the order stays."""


def in_best_order(source: Source, model: Model, log_step: int | None) -> Source:
    """The source with the axis first that promises the smallest stream.

    Models have learned, and see before each voxel, what is right for sections along z that are thicker than wide. A
    `log_step` of None stands for a step as large as the mean difference of neighbours. Where the model cannot code the
    parts that are tried, the order stays.
    """
    if source.voxels.size < LEAST:
        return source
    bits, mean = _differences(source.voxels)
    first = int(np.argmax(bits))
    if not bits[first] > bits[0] + MARGIN:
        return source
    step = log_step_of(mean) if log_step is None else log_step
    parts = [source.numbers(part) for part in textured_parts(source.voxels)[:TRIED]]
    with suppress(AiwaveError):
        usual, other = (sum(_cost(model, with_first(part, axis), step) for part in parts) for axis in (0, first))
        if other < PAYS * usual:
            return _reordered(source, first)
    return source


def _cost(model: Model, part: np.ndarray, log_step: int) -> float:
    """Cost of a part (d, h, w) of numbers, with the model or, if that is less, exactly in JPEG XL or LZMA."""
    part = np.ascontiguousarray(part)
    bits = cost(model, part, log_step)
    if part.dtype.kind != "f" and Look.at(part).promises(int(bits / 8)):
        return min(bits, 8.0 * len(smallest(part, 0).chunks[0]))
    return bits


def _reordered(source: Source, first: int) -> Source:
    mask = None if source.mask is None else np.ascontiguousarray(with_first(source.mask, first))
    return replace(source, voxels=np.ascontiguousarray(with_first(source.voxels, first)), mask=mask, first=first)


def with_first(volume: np.ndarray, first: int) -> np.ndarray:
    """View of (..., D, H, W) with the axis `first` of z, y, x before the other two."""
    return np.moveaxis(volume, first - 3, -3)


def as_before(volume: np.ndarray, first: int) -> np.ndarray:
    """The inverse of `with_first`, in memory of its own unless nothing is to do."""
    return np.ascontiguousarray(np.moveaxis(volume, -3, first - 3))


def _differences(volume: np.ndarray) -> tuple[list[float], float]:
    """Mean of log2(1 + 2 |d| / m) over the differences d along z, y, x, and m, the mean of all |d|.

    Of the blocks that are looked at, the half with more contrast counts. It is infinite along an axis of one voxel, and
    all is 0 if nothing differs.
    """
    found = []
    for box in spread(volume.shape, SIDE, COUNT):
        block = volume[box].reshape([part.stop - part.start for part in box[-3:]]).astype(np.float64)
        found.append([np.abs(np.diff(block, axis=axis)).ravel() for axis in range(3)])
    found.sort(key=lambda block: sum(float(part.sum()) for part in block))
    along = [np.concatenate(parts) for parts in zip(*found[len(found) // 2 :], strict=True)]
    mean = float(np.mean([part.mean() for part in along if part.size] or [0.0]))
    if mean == 0:
        return [0.0, 0.0, 0.0], 0.0
    return [float(np.log2(1 + 2 / mean * part).mean()) if part.size else np.inf for part in along], mean
