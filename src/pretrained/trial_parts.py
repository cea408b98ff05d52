"""Where candidates are compared: some parts of a volume, at about the step of the quality that was asked for."""

import math

import numpy as np

from ..bitstream.model import Model
from ..bitstream.step_search import BEYOND
from ..bitstream.survey import GOLDEN, estimated
from ..bitstream.target import Target
from ..bitstream.tile_codec import TileCodec
from ..bitstream.voxel_types import Source
from ..coding.constants import LOG_STEP_FRACTION, log_step_of

SIDE, PARTS, LOOKED_AT = 32, 4, 48
"""Parts that candidates are compared on: voxels per side, about, their number, and that of the places looked at."""

COMMON = 0.5
"""Share of the most frequent value above which a part is background, and tells nothing about models.

The edges of a patient or a brain are no background: scans have many, and models differ there.
"""

Quality = float | Target | None
"""A step in units of the voxels, the target of rate control, or None for the middle of the models' range."""


def wanted(step: float | None, psnr: float | None, bpp: float | None) -> Quality:
    """The quality that a step, a PSNR [dB] or a rate [bit/voxel] asks for; of these at most one is given."""
    return step if psnr is bpp is None else Target(psnr, bpp)


def textured_parts(volume: np.ndarray) -> list[np.ndarray]:
    """Up to `PARTS` blocks (d, h, w) of about `SIDE` voxels per side, spread over the volume, without background.

    A side of up to 1.5 times that is not halved, since models pay for borders differently.
    If there is hardly anything else, those with the least; none if the volume is flat wherever it was looked at.
    """
    series = volume.reshape(-1, *volume.shape[-3:])
    blocks = [max(1, (size + SIDE // 2 - 1) // SIDE) for size in series.shape[1:]]
    count = len(series) * math.prod(blocks)
    numbers = {int(k * GOLDEN * count) % count: None for k in range(1, LOOKED_AT + 1)}
    found: list[tuple[float, np.ndarray]] = []
    for number in numbers:
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


def trial_step(source: Source, parts: list[np.ndarray], model: Model, quality: Quality) -> int:
    """ln(step) in units of 2**-8 at which `parts` of a source have about a quality; `model` has the range of steps."""
    low, high = map(log_step_of, model.description.step_range)
    middle = (low + high) // 2
    if quality is None or not parts:
        return middle
    low, high = low - BEYOND, high + BEYOND
    if not isinstance(quality, Target):
        step = quality / source.scale
        return min(max(log_step_of(step), low), high) if 0 < step < math.inf else middle  # the encoder will refuse it
    codec = TileCodec(model, middle, lossless=False)
    magnitudes = np.concatenate([codec.magnitudes(part) for part in parts])
    goal = quality.value if quality.psnr is None else source.peak**2 * 10 ** (-quality.value / 10)
    while high - low > 1:
        log_step = (low + high) // 2
        u = magnitudes * math.exp((middle - log_step) / 2**LOG_STEP_FRACTION)
        mean = float(estimated(u, log_step, quality).mean())
        too_fine = mean > goal if quality.psnr is None else mean < goal
        low, high = (log_step, high) if too_fine else (low, log_step)
    return low
