"""The entropy coder in C++, level by level, with the integer models and the bytes of the reference."""

from collections.abc import Callable, Sequence
from functools import cache, cached_property
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import AiwaveError
from ..models.bands import BANDS, Size, band_size
from ..models.quantisation.codes import chains, successors
from ..models.quantisation.slopes import HIGH_RATE_SLOPE, SLOPE
from .exact_tables import CDF, asinh_thresholds, bin_cdf, inverse_scales, scale_tables, softmax_weights
from .integer_context import IntegerContext
from .integer_factorized import IntegerFactorized
from .integer_layer import by_tap
from .native_coarse import coarse_inputs
from .rough_tables import rough_tables


class NativeCoder:
    """Codes levels of T tiles with an integer model; `native` is the compiled module (see `core`).

    A tile's bytes are those of the reference, whatever the number of tiles and of `threads`. The reconstruction of the
    coarser levels, `approx` (T, 1, d, h, w) int64 in units of 2**-6 steps, comes with its two `coarse` network inputs
    (T, 2, d, h, w) int32; both are None at the coarsest level and without long context.
    """

    def __init__(self, native: ModuleType, model: IntegerContext | IntegerFactorized, threads: int = 1) -> None:
        self._native = native
        self._model = model
        self._threads = threads

    def encode_level(
        self, level: int, size: Size, stack: np.ndarray, approx: np.ndarray | None, log_step: int
    ) -> list[list[bytes]]:
        """Bands (T, n, d, h, w) int32 of the level that splits `size` -> their segments, by tile and band."""
        part = self._level(level, size, stack.shape[1], log_step)
        segments: list[list[bytes]] = self._native.encode_level(self._handle, part, stack, **self._coarser(approx))
        return segments

    def choose_path(
        self,
        level: int,
        size: Size,
        exact: np.ndarray,
        q: np.ndarray | None,
        approx: np.ndarray | None,
        log_step: int,
    ) -> np.ndarray:
        """The best path through the trellis for bands `exact` (T, n, d, h, w) float32 in steps: half steps, int32.

        It weighs `rough_bits` or, given the choice before, `q` (T, n, d, h, w) int32, and the reconstruction `approx`
        of its coarser levels, the bits in that context.
        """
        return self._chosen(self._native.choose_path, SLOPE, level, size, exact, q, approx, log_step)

    def choose_integers(
        self, level: int, size: Size, exact: np.ndarray, q: np.ndarray, approx: np.ndarray | None, log_step: int
    ) -> np.ndarray:
        """The integers to code for bands `exact` (T, n, d, h, w) float32 in steps, given the nearest, `q`; int32.

        `approx` is the reconstruction of the nearest integers of coarser levels.
        """
        return self._chosen(self._native.choose_integers, HIGH_RATE_SLOPE, level, size, exact, q, approx, log_step)

    def _chosen(
        self,
        choose: Callable[..., np.ndarray],
        slope: float,
        level: int,
        size: Size,
        exact: np.ndarray,
        q: np.ndarray | None,
        approx: np.ndarray | None,
        log_step: int,
    ) -> np.ndarray:
        part = self._level(level, size, exact.shape[1], log_step)
        return choose(self._handle, part, exact=exact, q=q, slope=slope, **self._coarser(approx))

    def decode_level(
        self, level: int, size: Size, segments: Sequence[Sequence[bytes]], approx: np.ndarray | None, log_step: int
    ) -> np.ndarray:
        """The inverse of `encode_level`: int32. Raises AiwaveError for damaged data."""
        part = self._level(level, size, len(segments[0]), log_step)
        try:
            q: np.ndarray = self._native.decode_level(
                self._handle, part, [list(tile) for tile in segments], **self._coarser(approx)
            )
        except self._native.Damaged as error:
            raise AiwaveError(f"The coded data is damaged: {error}.") from error
        return q

    def _coarser(self, approx: np.ndarray | None) -> dict[str, Any]:
        coarse = None if approx is None else coarse_inputs(self._native, approx)
        return {"coarse": coarse, "approx": approx, "threads": self._threads}

    @cached_property
    def _handle(self) -> Any:
        """The model as the compiled module holds it."""
        model = self._model
        density = {
            "components": model.density.components,
            "weighted": model.density.size == 3 * model.density.components,
            "tables": native_tables(self._native, model.density.family),
        }
        if isinstance(model, IntegerFactorized):
            return self._native.FactorizedModel(**density)
        per_width, cells = rough_tables()
        return self._native.ContextModel(
            channels=model.channels,
            limit=model.limit,
            dependent=model.dependent,
            cross=model.cross is not None,
            magnitudes=bool(model.magnitudes),
            thresholds=asinh_thresholds(2 if model.dependent else 1),
            next_state=int32(successors(model.states)) if model.dependent else np.zeros(0, np.int32),
            rough_per_width=per_width,
            rough_cells=cells,
            layers=_layers(model),
            **density,
        )

    def _level(self, level: int, size: Size, count: int, log_step: int) -> Any:
        """The parts of the model that a level's last `count` bands need."""
        first, model = BANDS - count, self._model
        letters = range(first, BANDS)
        none: dict[str, Any] = {
            "condition": np.zeros(0, np.int32),
            "second_mix": np.zeros(0, np.int32),
            "second_head": np.zeros(0, np.int32),
            "prediction": np.zeros(0, np.int64),
            "cross": np.zeros(0),
            "cross_coarse": np.zeros(0),
            "chains": np.zeros((0, 0), np.int32),
        }
        if isinstance(model, IntegerFactorized):
            tables = {"head_offset": int32(np.stack([model.parameters(level, each, log_step) for each in letters]))}
        else:
            tables = _context_tables(model, [BANDS * level + each for each in letters], log_step)
            if model.dependent:
                tables["chains"] = int32(chains(band_size(size)))
        inside = [band_size(size, each) for each in letters]
        return self._native.Level(first=first, size=band_size(size), inside=inside, **(none | tables))


def _context_tables(model: IntegerContext, bands: list[int], log_step: int) -> dict[str, Any]:
    tables: dict[str, Any] = {
        "condition": int32(np.stack([model.condition(band, log_step) for band in bands])),
        "head_offset": int32(np.stack([model.head_offset(band) for band in bands])),
    }
    changes = [change for band in bands if (change := model.second_change(band)) is not None]
    if changes:
        mixes, heads = zip(*changes, strict=True)
        tables |= {"second_mix": int32(np.stack(mixes)), "second_head": int32(np.stack(heads))}
    if model.prediction is not None:
        tables["prediction"] = np.ascontiguousarray(model.prediction[bands])
    if model.cross is not None and model.cross_coarse is not None:
        tables["cross"] = np.ascontiguousarray(model.cross[bands], dtype=np.float64)
        tables["cross_coarse"] = np.ascontiguousarray(model.cross_coarse[bands], dtype=np.float64)
    return tables


def _layers(model: IntegerContext) -> list[tuple]:
    """Kind, weight (K, N), bias, shift and limit of every layer; those of the eight bands in their order."""
    parts = []
    for name, layer in model.layers.items():
        kind = "block" if name.startswith("block") else name.partition(".")[0]
        letters = int(name.partition(".")[2] or 0)
        own = by_tap(layer) if kind == "siblings" else layer
        weight = np.ascontiguousarray(own.weight, dtype=np.int16)
        parts.append((letters, (kind, weight, own.bias, own.shift, own.limit)))
    return [part for _, part in sorted(parts, key=lambda each: each[0])]


@cache
def native_tables(native: ModuleType, family: str) -> Any:
    """The tables of a family of densities, as the compiled module holds them."""
    mantissa, shift, scale = scale_tables()
    return native.Tables(
        cdf=int32(CDF[family]()),
        bin_cdf=int32(bin_cdf(family)),
        mantissa=int32(mantissa),
        shift=int32(shift),
        scale=int32(scale),
        inverse_scale=inverse_scales(),
        softmax=int32(softmax_weights()),
    )


def int32(values: np.ndarray) -> np.ndarray:
    """The integers, of any type, as the compiled module takes them."""
    return np.ascontiguousarray(values, dtype=np.int32)
