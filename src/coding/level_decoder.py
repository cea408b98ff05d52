"""The bands of one level, decoded side by side."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..models.subbands import BAND_LETTERS, Size, band_size
from .band_model import IntegerModel
from .schedule import Run, schedule
from .symbol_io import Reader
from .symbols import code_symbols
from .wavefront import wavefront


def decode_level(
    model: IntegerModel,
    level: int,
    size: Size,
    segments: Sequence[Sequence[bytes]],
    approx: Tensor | None,
    log_step: int,
) -> Tensor:
    """The segments of a level that splits `size`, band by band, of T tiles each -> (T, bands, d, h, w) int64.

    `approx` (T, 1, d, h, w) is what is coarser (see `synthesise_level`). Raises AiwaveError for damaged data.
    """
    count, tiles, wave = len(segments), len(segments[0]), wavefront(band_size(size))
    plan, reader = schedule(wave, model.fronts(wave)), Reader([segment for band in segments for segment in band])
    context = model.level(level, wave, tiles, approx, plan.memory)
    letters = range(len(BAND_LETTERS) - count, len(BAND_LETTERS))
    bands = [context.band(each, log_step) for each in letters]
    inside = [wave.inside(band_size(size, each)) for each in letters]
    values = torch.zeros(count, tiles, wave.positions, dtype=torch.int64)
    for runs in plan.steps(count):
        coded = [_coded(inside[run.band], run, tiles) for run in runs]
        parts = [bands[run.band].parameters(run.start, run.end) for run in runs]
        rows = [predicted[chosen] for (_, predicted), chosen in zip(parts, coded, strict=True)]
        parameters = torch.cat([part[chosen] for (part, _), chosen in zip(parts, coded, strict=True)])
        shares = zip(runs, rows, strict=True)
        reader.at([(tiles * run.band + tile, len(own) // tiles) for run, own in shares for tile in range(tiles)])
        decoded = code_symbols(model.density.mixture(parameters, torch.cat(rows)), reader, None)
        for run, chosen, part in zip(runs, coded, decoded.split([len(own) for own in rows]), strict=True):
            q = values[run.band, :, run.start : run.end]
            if isinstance(chosen, slice):
                q[:] = part.view(tiles, -1)
            else:
                q[:, chosen[: len(part) // tiles]] = part.view(tiles, -1)
            bands[run.band].write(run.start, run.end, q)
    return torch.stack([wave.unsort(band) for band in values], dim=1)


def _coded(inside: Tensor | None, run: Run, tiles: int) -> Tensor | slice:
    """Which of a run's rows, tile by tile, have coefficients; see `Wavefront.inside`."""
    return slice(None) if inside is None else inside[run.start : run.end].repeat(tiles).nonzero().squeeze(1)
