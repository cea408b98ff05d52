"""The bands of one level, decoded side by side."""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from ..models.bands import BANDS, Size, band_size
from ..models.quantisation.dependent import halves_of
from ..models.quantisation.trellis import chains, trellis
from .band_model import BandModel, IntegerModel
from .constants import COEFFICIENT_LIMIT
from .integer_mixture import mixture
from .symbol_io import Reader
from .symbols import code_symbols
from .tensor_tables import looked_up
from .wavefront import Run, Wavefront, schedule, wavefront


class TrellisStates:
    """Trellis states of `bands` bands of T tiles, with positions in wavefront order."""

    def __init__(self, wave: Wavefront, bands: int, tiles: int, states: int) -> None:
        self._next = trellis(states).next.flatten()  # by state and parity
        self._states = torch.zeros(bands, wave.positions + 1, tiles, dtype=torch.int64)
        self._after = _after(wave.size)

    def second(self, band: int, start: int, end: int) -> Tensor:
        """1 for positions in the second quantiser, else 0, from `start` to `end`: (T, n) int64."""
        return (self._states[band, start:end] & 1).T

    def advance(self, band: int, start: int, end: int, index: Tensor) -> Tensor:
        """Advance by the indices (T, n) decoded at `start` to `end`; returns the coefficients (T, n) in half steps."""
        state = self._states[band, start:end]
        after = looked_up(self._next, 2 * state + (index.T & 1))
        halves = halves_of(index, (state & 1).T).clamp_(-COEFFICIENT_LIMIT, COEFFICIENT_LIMIT)
        self._states[band].index_copy_(0, self._after[start:end], after)
        return halves


@lru_cache(maxsize=8)
def _after(size: Size) -> Tensor:
    """Successor of each position in its chain, in wavefront order: (P,), P after a chain's end."""
    wave, chain = wavefront(size), chains(size)
    rank = torch.empty(wave.positions + 1, dtype=torch.int64)
    rank[wave.raster], rank[-1] = torch.arange(wave.positions), wave.positions
    after = torch.full((wave.positions + 1,), wave.positions)
    after[rank[chain[:, :-1]]] = rank[chain[:, 1:]]
    return after[:-1]


def decode_level(
    model: IntegerModel,
    level: int,
    size: Size,
    segments: Sequence[Sequence[bytes]],
    approx: Tensor | None,
    log_step: int,
) -> Tensor:
    """Decode the level that splits `size` from its segments, by band and tile -> (T, bands, d, h, w) int64.

    `approx` (T, 1, d, h, w) is the reconstruction of the coarser levels (see `synthesise_level`). Raises AiwaveError
    for damaged data.
    """
    count, tiles, wave = len(segments), len(segments[0]), wavefront(band_size(size))
    plan, reader = schedule(wave, model.fronts(wave)), Reader([segment for band in segments for segment in band])
    context = model.level(level, wave, tiles, approx, plan.memory)
    letters = range(BANDS - count, BANDS)
    bands = [context.band(each, log_step) for each in letters]
    inside = [wave.inside(band_size(size, each)) for each in letters]
    values = torch.zeros(count, tiles, wave.positions, dtype=torch.int64)
    states = TrellisStates(wave, count, tiles, model.states) if model.dependent else None
    for runs in plan.steps(count):
        coded = [_coded(inside[run.band], run) for run in runs]
        chosen = [_rows(bands[run.band], run, places, tiles, states) for run, places in zip(runs, coded, strict=True)]
        lengths = [len(rows) for rows, *_ in chosen]
        shares = zip(runs, lengths, strict=True)
        reader.at([(tiles * run.band + tile, length // tiles) for run, length in shares for tile in range(tiles)])
        mixtures = mixture(model.density, *(torch.cat(part) for part in zip(*chosen, strict=True)))
        for run, places, part in zip(runs, coded, code_symbols(mixtures, reader, None).split(lengths), strict=True):
            q = values[run.band, :, run.start : run.end]
            q[:, places] = part.view(tiles, -1)
            if states is not None:
                q[:] = states.advance(*run, q)
            bands[run.band].write(run.start, run.end, q)
    return torch.stack([wave.unsort(band) for band in values], dim=1)


def _rows(band: BandModel, run: Run, places: Tensor | slice, tiles: int, states: TrellisStates | None) -> list[Tensor]:
    """Arguments of `mixture` for some places of a run, tile by tile."""
    mixed, predicted = (_at(places, rows, tiles) for rows in band.mixed(run.start, run.end))
    if states is None:
        return [band.parameters(mixed), predicted]
    second = states.second(*run)[:, places].flatten()
    return [band.parameters(mixed, second), predicted, second]


def _coded(inside: Tensor | None, run: Run) -> Tensor | slice:
    """Places of a run that have coefficients, counted from its start; see `Wavefront.inside`."""
    return slice(None) if inside is None else inside[run.start : run.end].nonzero().squeeze(1)


def _at(places: Tensor | slice, rows: Tensor, tiles: int) -> Tensor:
    """Rows of some places of a run, selected from those of all its positions, tile by tile."""
    return rows.unflatten(0, (tiles, -1))[:, places].flatten(0, 1)
