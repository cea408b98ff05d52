"""The bands of one level, decoded side by side."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..models.subbands import BAND_LETTERS
from .band_model import IntegerModel
from .schedule import schedule
from .symbol_io import Reader
from .symbols import code_symbols
from .wavefront import Wavefront


def decode_level(
    model: IntegerModel,
    level: int,
    wave: Wavefront,
    segments: Sequence[Sequence[bytes]],
    approx: Tensor | None,
    log_step: int,
) -> Tensor:
    """The segments of a level, band by band, of T tiles each -> (T, bands, d, h, w) int64.

    `approx` (T, 1, d, h, w) is what is coarser (see `synthesise_level`). Raises AiwaveError for damaged data.
    """
    count, tiles = len(segments), len(segments[0])
    plan, reader = schedule(wave, model.fronts(wave)), Reader([segment for band in segments for segment in band])
    context = model.level(level, wave, tiles, approx, plan.memory)
    bands = [context.band(letters, log_step) for letters in range(len(BAND_LETTERS) - count, len(BAND_LETTERS))]
    values = torch.empty(count, tiles, wave.positions, dtype=torch.int64)
    for runs in plan.steps(count):
        reader.at([(tiles * run.band + tile, run.end - run.start) for run in runs for tile in range(tiles)])
        parts = [bands[run.band].parameters(run.start, run.end) for run in runs]
        parameters, predicted = (torch.cat(part) for part in zip(*parts, strict=True))
        decoded = code_symbols(model.density.mixture(parameters, predicted), reader, None)
        for run, part in zip(runs, decoded.split([len(rows) for _, rows in parts]), strict=True):
            q = part.view(tiles, -1)
            values[run.band, :, run.start : run.end] = q
            bands[run.band].write(run.start, run.end, q)
    return torch.stack([wave.unsort(band) for band in values], dim=1)
