"""Exact coding of the quantised subbands of many tiles to bytes, and decoding."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from ..models.bands import BANDS, DETAILS, Size, band_size, splits
from ..models.quantisation.dependent import index_of, second_of
from ..models.subbands import Subbands
from .band_model import BandModel, IntegerModel
from .constants import COEFFICIENT_LIMIT
from .context_state import ContextCoding
from .factorized_state import FactorizedCoding
from .integer_context import IntegerContext
from .integer_conv import require_exact_convolutions, require_exact_products
from .integer_factorized import IntegerFactorized
from .integer_mixture import Mixture, mixture
from .level_decoder import decode_level
from .symbol_io import Recorder
from .symbols import code_symbols
from .wavefront import Wavefront, wavefront


class KnownBand(NamedTuple):
    """A band of T tiles: the starts of its fronts, its coefficients (T, P) int64 in wavefront order, their densities.

    `inside` (P,) bool is the mask of positions that exist in the band, None if all do (see `Wavefront.inside`).
    `densities` yields first and last position (exclusive), and a function that returns the mixtures of these positions,
    tile by tile, given their quantisers: (T * n,) of 0 and 1, None without dependent quantisation.
    """

    wave: Wavefront
    inside: Tensor | None
    starts: list[int]
    values: Tensor
    densities: Iterator[tuple[int, int, Callable[[Tensor | None], Mixture]]]


class BandCoder:
    """Codes tiles of one shape with an integer model. A tile's bytes do not depend on the other tiles of its batch."""

    def __init__(self, model: IntegerContext | IntegerFactorized | IntegerModel) -> None:
        self.model = _coding(model)

    @torch.inference_mode()
    def encode(self, q: Subbands, log_step: int) -> list[list[bytes]]:
        """Integer subbands of T tiles -> for every tile one segment per band, in coding order.

        Integers count steps or, where quantisation is dependent, half steps along the trellis, as `dependent` returns
        them. `log_step` is ln(step) in units of 2**-8 (see `log_step_of`). Raises ValueError for coefficients that are
        too large.
        """
        by_band = [recorder.segments() for recorder in self._record(q, log_step)]
        return [list(segments) for segments in zip(*by_band, strict=True)]

    @torch.inference_mode()
    def bits(self, q: Subbands, log_step: int) -> Tensor:
        """Code length [bit] of every tile and band under the integer frequencies: (T, bands) float64."""
        return torch.stack([recorder.bits() for recorder in self._record(q, log_step)], dim=1)

    def known_bands(self, q: Subbands, log_step: int) -> Iterator[KnownBand]:
        """Yield every band of T tiles with known coefficients, in coding order; see `encode`.

        The densities of a band must be exhausted before the next band is requested.
        """
        require_exact_products()
        require_exact_convolutions()
        tiles, approx = len(q.approx), None
        for index, (stack, size) in enumerate(zip(q.level_stacks(), q.splits, strict=True)):
            _require_codable(stack)
            wave = wavefront(band_size(size))
            level = self.model.level(index, wave, tiles, approx)
            starts = [start for start, _ in self.model.fronts(wave)]
            for letters, band in enumerate(stack.long().unbind(dim=1), start=BANDS - stack.shape[1]):
                model, values = level.band(letters, log_step), wave.sort(band)
                model.write(0, wave.positions, values)
                inside = wave.inside(band_size(size, letters))
                yield KnownBand(wave, inside, starts, values, self._densities(model, wave, tiles))
            approx = self.model.next_approx(q, index, approx)

    def _densities(
        self, model: BandModel, wave: Wavefront, tiles: int
    ) -> Iterator[tuple[int, int, Callable[[Tensor | None], Mixture]]]:
        for start, end in wave.batches(tiles):
            yield start, end, partial(self._mixture, model, *model.mixed(start, end))

    def _mixture(self, model: BandModel, mixed: Tensor, predicted: Tensor, second: Tensor | None) -> Mixture:
        """The mixtures of rows (see `BandPass.mixed`) in their quantisers."""
        return mixture(self.model.density, model.parameters(mixed, second), predicted, second)

    def _record(self, q: Subbands, log_step: int) -> Iterator[Recorder]:
        for band in self.known_bands(q, log_step):
            recorder = Recorder(len(band.values), band.starts)
            second = self._second_of(band) if self.model.dependent else None
            indices = band.values if second is None else index_of(band.values, second)
            for start, end, mixture_of in band.densities:
                places, known = torch.arange(start, end), indices[:, start:end]
                rows = mixture_of(None if second is None else second[:, start:end].flatten())
                if band.inside is not None:
                    here = band.inside[start:end]
                    places, known = places[here], known[:, here]
                    rows = rows.select(here.repeat(len(known)).nonzero().squeeze(1))
                recorder.at(places)
                code_symbols(rows, recorder, known.flatten())
            yield recorder

    def _second_of(self, band: KnownBand) -> Tensor:
        return band.wave.sort(second_of(band.wave.unsort(band.values), self.model.states))

    @torch.inference_mode()
    def decode(
        self,
        tiles: Sequence[Sequence[bytes]],
        size: Size,
        log_step: int,
        levels: int | None = None,
    ) -> Subbands:
        """The inverse of `encode`: segments of T tiles and the size (D, H, W) of each -> int64 subbands.

        `levels` restricts it to that many of the coarsest levels, given their segments alone. Raises AiwaveError for
        damage that is detected; most damaged data decodes to other coefficients.
        """
        require_exact_products()
        require_exact_convolutions()
        approx: Tensor | None = None
        details: list[Tensor] = []
        for index, whole in enumerate(splits(size, self.model.levels)[:levels]):
            first, last = (1 + DETAILS * index if index else 0), 1 + DETAILS * (index + 1)
            segments = [tile[first:last] for tile in tiles]
            stack = decode_level(self.model, index, whole, list(zip(*segments, strict=True)), approx, log_step)
            if index == 0:
                lowest, stack = stack[:, :1], stack[:, 1:]
            details.append(stack)
            q = Subbands(lowest, tuple(details), whole)
            approx = self.model.next_approx(q, index, approx)
        return q


def _coding(model: IntegerContext | IntegerFactorized | IntegerModel) -> IntegerModel:
    if isinstance(model, IntegerContext):
        return ContextCoding(model)
    return FactorizedCoding(model) if isinstance(model, IntegerFactorized) else model


def _require_codable(stack: Tensor) -> None:
    """Raise ValueError for coefficients that are too large."""
    if float(stack.abs().max()) > COEFFICIENT_LIMIT:
        raise ValueError(f"a coefficient of {float(stack.abs().max()):g} is beyond {COEFFICIENT_LIMIT}")
