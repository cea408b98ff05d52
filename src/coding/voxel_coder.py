"""The reference of the voxel model: tiles to bytes, front by front."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..errors import AiwaveError
from ..models.bands import Size
from ..models.neighbours import FLAGS, NEAR, PER_E, REACH, REFERENCE, UNIT_LEVEL
from .constants import PARAMETER_FRACTION, PREDICTION_FRACTION
from .integer_conv import require_exact_products
from .integer_mixture import Mixture, mixture
from .integer_voxels import FRACTION, INPUT_LIMIT, IntegerVoxels, activity_tables, activity_thresholds
from .symbol_io import Reader, Recorder
from .symbols import code_symbols
from .wavefront import Wavefront, wavefront

LOG_UNIT = (1 << PARAMETER_FRACTION) // PER_E
"""An activity level in the logarithm, in units of 2**-8."""


class VoxelCoder:
    """Codes tiles of one shape with a voxel model. A tile's bytes do not depend on the other tiles of its batch."""

    def __init__(self, model: IntegerVoxels) -> None:
        self.model = model

    @torch.inference_mode()
    def encode(self, tiles: np.ndarray, bounds: np.ndarray) -> list[bytes]:
        """Tiles (T, d, h, w) of integers, and the lowest and highest of each, (T, 2) -> a segment for each."""
        require_exact_products()
        state = _State(self.model, tiles.shape[1:], torch.from_numpy(bounds.astype(np.int64)))  # type: ignore[arg-type]
        values = state.wave.sort(torch.from_numpy(tiles.astype(np.int64)))
        state.write(0, state.wave.positions, values)
        recorder = Recorder(len(tiles), state.wave.starts[:-1])
        for start, end in state.wave.batches(len(tiles)):
            recorder.at(torch.arange(start, end))
            code_symbols(state.mixtures(start, end), recorder, values[:, start:end].flatten())
        return recorder.segments()

    @torch.inference_mode()
    def decode(self, segments: Sequence[bytes], bounds: np.ndarray, size: Size) -> np.ndarray:
        """The inverse of `encode`: (T, d, h, w) int32. Raises AiwaveError for damage that is detected."""
        require_exact_products()
        state, reader = _State(self.model, size, torch.from_numpy(bounds.astype(np.int64))), Reader(segments)
        tiles = len(segments)
        values = torch.empty(tiles, state.wave.positions, dtype=torch.int64)
        for start, end in state.wave.fronts:
            reader.at([(tile, end - start) for tile in range(tiles)])
            found = code_symbols(state.mixtures(start, end), reader, None).view(tiles, -1)
            if not bool(((found >= state.lowest) & (found <= state.highest)).all()):
                raise AiwaveError("The coded data is damaged: a segment holds symbols that no encoder writes.")
            state.write(start, end, found)
            values[:, start:end] = found
        return state.wave.unsort(values).int().numpy()


class _Places(NamedTuple):
    """Places of the neighbours of a tile's positions in wavefront order, (P, n), those outside replaced by `_nearest`.

    `flags` (P, 4) are ones and zeros. The place after the last holds the tile's lowest number.
    """

    neighbours: Tensor
    flags: Tensor


@lru_cache(maxsize=4)
def _places(size: Size, offsets: tuple[tuple[int, int, int], ...]) -> _Places:
    wave = wavefront(size)
    count = wave.positions
    rank = torch.empty(count, dtype=torch.int64)
    rank[wave.raster] = torch.arange(count)
    padded = torch.full([n + 2 * REACH for n in size], -1)
    padded[REACH:-REACH, REACH:-REACH, REACH:-REACH] = rank.view(size)
    at = torch.stack(torch.unravel_index(wave.raster, size), dim=1)
    strides = torch.tensor([padded.stride(axis) for axis in range(3)])
    here = ((at + REACH) @ strides)[:, None]
    found = padded.flatten()[here + (torch.tensor(offsets) @ strides)[None]]
    before = padded.flatten()[here - strides.flip(0)[None]]  # along x, y, z
    z, y, x = at.T
    nearest = torch.where(x > 0, before[:, 0], torch.where(y > 0, before[:, 1], before[:, 2]))
    nearest = torch.where(nearest < 0, count, nearest)
    flags = torch.stack((z == 0, z == 1, y == 0, x == 0), dim=1)
    assert flags.shape[1] == FLAGS
    return _Places(torch.where(found < 0, nearest[:, None], found), flags.long())


class _State:
    """T tiles of one size that are known or being decoded, with positions in wavefront order."""

    def __init__(self, model: IntegerVoxels, size: Size, bounds: Tensor) -> None:
        self.model = model
        self.wave: Wavefront = wavefront(size)
        self.lowest, self.highest = bounds[:, :1], bounds[:, 1:]
        self._places = _places(size, tuple(model.offsets))
        self._known = torch.zeros(len(bounds), self.wave.positions + 1, dtype=torch.int64)
        self._known[:, -1:] = self.lowest

    def write(self, start: int, end: int, values: Tensor) -> None:
        """Write the numbers (T, n) of the positions `start` to `end`."""
        self._known[:, start:end] = values

    def mixtures(self, start: int, end: int) -> Mixture:
        """The densities of the positions `start` to `end`, tile by tile; all their neighbours have been written."""
        seen = self._known[:, self._places.neighbours[start:end]]
        near = len(NEAR)
        reference = (seen[..., :near] * torch.tensor(REFERENCE)).sum(dim=-1) + 4 >> 3
        differences = torch.cat((seen, self.lowest.unsqueeze(1).expand(-1, end - start, 1)), dim=-1)
        differences -= reference.unsqueeze(-1)
        thresholds = torch.from_numpy(activity_thresholds())
        level = torch.bucketize(differences[..., :near].abs().sum(dim=-1), thresholds, right=True)
        mantissa, shift, activity = (torch.from_numpy(table)[level] for table in activity_tables())
        relative = (differences * mantissa.unsqueeze(-1) >> shift.unsqueeze(-1)).clamp_(-INPUT_LIMIT, INPUT_LIMIT)
        log_activity = ((level - UNIT_LEVEL) << FRACTION) // PER_E
        flags = (self._places.flags[start:end] << FRACTION).expand(len(seen), -1, -1)
        inputs = torch.cat((relative, log_activity.unsqueeze(-1), flags), dim=-1).flatten(0, 1)
        outputs = self._outputs(inputs)
        parameters, moved = outputs[:, :-1], outputs[:, -1]
        k = self.model.density.components
        parameters[:, -k:] += ((level - UNIT_LEVEL) * LOG_UNIT).flatten().unsqueeze(1)
        half = 1 << PARAMETER_FRACTION - 1
        centre = (reference.flatten() << PREDICTION_FRACTION) + (
            moved * activity.flatten() + half >> PARAMETER_FRACTION
        )
        rows = mixture(self.model.density, parameters, centre)
        return rows.within(
            self.lowest.expand(-1, end - start).flatten(), self.highest.expand(-1, end - start).flatten()
        )

    def _outputs(self, inputs: Tensor) -> Tensor:
        """The network's outputs (rows, size + 1) int64."""
        hidden, layers = inputs, self.model.layers
        for name, layer in layers.items():
            if name.startswith("hidden"):
                hidden = layer(hidden).clamp_(0, self.model.limit)
        return (layers["head"](hidden) + layers["skip"](inputs)).long()
