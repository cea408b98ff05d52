"""Order of axes: that across which neighbours differ most is coded first, as thick sections are, if it pays."""

from dataclasses import replace

import numpy as np

from ..coding.constants import log_step_of
from ..stores.spread import spread
from .model import Model
from .trial_parts import cost, textured_parts
from .voxel_types import Source

SIDE, COUNT = 16, 24
"""Voxels per side of the blocks in which neighbours are compared, and their number."""

MARGIN = 0.2
"""Bits by which the differences along an axis must exceed those along z, for it to be tried first."""

TRIED, PAYS = 2, 0.99
"""Parts that are coded in both orders, and the share of the usual cost that another must undercut."""


def in_best_order(source: Source, model: Model, log_step: int | None) -> Source:
    """The source with the axis first that promises the smallest stream.

    Models have learned, and see before each voxel, what is right for sections along z that are thicker than wide. A
    `log_step` of None stands for the step that is as large as most differences.
    """
    bits, mean = _differences(source.voxels)
    first = int(np.argmax(bits))
    if not bits[first] > bits[0] + MARGIN:
        return source
    step = log_step_of(mean) if log_step is None else log_step
    parts = [source.numbers(part) for part in textured_parts(source.voxels)[:TRIED]]
    usual, other = (
        sum(cost(model, np.ascontiguousarray(with_first(part, axis)), step) for part in parts) for axis in (0, first)
    )
    if not other < PAYS * usual:
        return source
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
