"""The exact coder in C++, with the integer models and the bytes of the PyTorch reference."""

from collections.abc import Callable, Sequence
from functools import cache, cached_property
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import AiwaveError
from ..models.bands import BAND_LETTERS, Size, band_size
from ..models.quantisation.slopes import HIGH_RATE_SLOPE, SLOPE
from ..models.quantisation.trellis import chains, trellis
from .coarse_context import coarse_inputs
from .exact_tables import asinh_thresholds, inverse_scales, laplace_cdf, logistic_cdf, scale_tables, softmax_weights
from .integer_context import IntegerContext
from .integer_factorized import IntegerFactorized
from .integer_mixture import bin_cdf
from .other_bands import padded
from .rough_bits import rough_tables

BANDS = len(BAND_LETTERS)

CDF = {"logistic": logistic_cdf, "laplace": laplace_cdf}

ORIENTED_KINDS = ("siblings", "own", "widen", "narrow", "mix", "head")


class NativeCoder:
    """Codes levels of T tiles with an integer model; `native` is the compiled module (see `core`).

    A tile's bytes are those of the reference, whatever the number of tiles and of threads.
    """

    def __init__(self, native: ModuleType, model: IntegerContext | IntegerFactorized) -> None:
        self._native = native
        self._model = model

    def encode_level(
        self, level: int, size: Size, stack: Tensor, approx: Tensor | None, log_step: int
    ) -> list[list[bytes]]:
        """Bands (T, n, d, h, w) int64 of the level that splits `size` -> their segments, by tile and band."""
        q = np.ascontiguousarray(stack.numpy(), dtype=np.int32)
        part = self._level(level, size, stack.shape[1], log_step)
        segments: list[list[bytes]] = self._native.encode_level(self._handle, part, q, **self._coarser(approx))
        return segments

    def choose_path(
        self, level: int, size: Size, exact: Tensor, q: Tensor | None, approx: Tensor | None, log_step: int
    ) -> Tensor:
        """The best path through the trellis for bands `exact` (T, n, d, h, w) float32 in steps: half steps, int64.

        It weighs `rough_bits` or, given the choice before, `q` (T, n, d, h, w) int64, and the reconstruction `approx`
        of its coarser levels, the bits in that context.
        """
        return self._chosen(self._native.choose_path, SLOPE, level, size, exact, q, approx, log_step)

    def choose_integers(
        self, level: int, size: Size, exact: Tensor, q: Tensor, approx: Tensor | None, log_step: int
    ) -> Tensor:
        """The integers to code for bands `exact` (T, n, d, h, w) float32 in steps, given the nearest, `q`; int64.

        `approx` is the reconstruction of the nearest integers of coarser levels.
        """
        return self._chosen(self._native.choose_integers, HIGH_RATE_SLOPE, level, size, exact, q, approx, log_step)

    def _chosen(
        self,
        choose: Callable[..., np.ndarray],
        slope: float,
        level: int,
        size: Size,
        exact: Tensor,
        q: Tensor | None,
        approx: Tensor | None,
        log_step: int,
    ) -> Tensor:
        chosen = choose(
            self._handle,
            self._level(level, size, exact.shape[1], log_step),
            exact=np.ascontiguousarray(exact.numpy(), dtype=np.float32),
            q=None if q is None else np.ascontiguousarray(q.numpy(), dtype=np.int32),
            slope=slope,
            **self._coarser(approx),
        )
        return torch.from_numpy(chosen).long()

    def decode_level(
        self, level: int, size: Size, segments: Sequence[Sequence[bytes]], approx: Tensor | None, log_step: int
    ) -> Tensor:
        """The inverse of `encode_level`: int64. Raises AiwaveError for damaged data."""
        part = self._level(level, size, len(segments[0]), log_step)
        try:
            q = self._native.decode_level(
                self._handle, part, [list(tile) for tile in segments], **self._coarser(approx)
            )
        except self._native.Damaged as error:
            raise AiwaveError(f"The coded data is damaged: {error}.") from error
        return torch.from_numpy(q).long()

    def _coarser(self, approx: Tensor | None) -> dict[str, Any]:
        """What the reconstruction of the coarser levels (T, 1, d, h, w) tells, and the number of threads."""
        coarse = values = None
        if approx is not None and isinstance(self._model, IntegerContext):
            coarse = np.ascontiguousarray(coarse_inputs(approx).numpy(), dtype=np.int32)
            values = np.ascontiguousarray(approx.numpy(), dtype=np.int64)
        return {"coarse": coarse, "approx": values, "threads": torch.get_num_threads()}

    @cached_property
    def _handle(self) -> Any:
        """The model as the compiled module holds it."""
        model = self._model
        density = {
            "components": model.density.components,
            "weighted": model.density.size == 3 * model.density.components,
            "tables": _tables(self._native, model.density.family),
        }
        if isinstance(model, IntegerFactorized):
            return self._native.FactorizedModel(**density)
        per_width, cells = rough_tables()
        return self._native.ContextModel(
            channels=model.channels,
            limit=model.limit,
            dependent=model.dependent,
            cross=model.cross is not None,
            thresholds=asinh_thresholds(2 if model.dependent else 1).numpy(),
            next_state=_int32(trellis(model.states).next) if model.dependent else np.zeros(0, np.int32),
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
            offsets = [model.parameters(each + (BANDS - 1) * level, log_step)[0] for each in letters]
            tables = {"head_offset": _int32(torch.stack(offsets))}
        else:
            tables = _context_tables(model, [BANDS * level + each for each in letters], log_step)
            if model.dependent:
                tables["chains"] = _int32(chains(band_size(size)))
        inside = [band_size(size, each) for each in letters]
        return self._native.Level(first=first, size=band_size(size), inside=inside, **(none | tables))


def _context_tables(model: IntegerContext, bands: list[int], log_step: int) -> dict[str, Any]:
    tables: dict[str, Any] = {
        "condition": _int32(torch.stack([model.condition(band, log_step) for band in bands])),
        "head_offset": _int32(torch.stack([model.head_offset(band) for band in bands])),
    }
    changes = [change for band in bands if (change := model.second_change(band)) is not None]
    if changes:
        mixes, heads = zip(*changes, strict=True)
        tables |= {"second_mix": _int32(torch.stack(mixes)), "second_head": _int32(torch.stack(heads))}
    if model.prediction is not None:
        tables["prediction"] = np.ascontiguousarray(model.prediction[bands].numpy(), dtype=np.int64)
    if model.cross is not None and model.cross_coarse is not None:
        tables["cross"] = np.ascontiguousarray(model.cross[bands].numpy(), dtype=np.float64)
        tables["cross_coarse"] = np.ascontiguousarray(model.cross_coarse[bands].numpy(), dtype=np.float64)
    return tables


def _layers(model: IntegerContext) -> list[tuple]:
    """Kind, weight (K, N), bias, shift and limit of every layer; those of the eight bands in their order."""
    parts = []
    for name, layer in model.layers.items():
        kind = "block" if name.startswith("block") else name.partition(".")[0]
        own = padded(layer) if kind == "siblings" else layer
        letters = int(name.partition(".")[2] or 0)
        weight, bias, shift = (part.contiguous().numpy() for part in (own.weight, own.bias, own.shift))
        parts.append(
            (letters, (kind, weight.astype(np.int16), bias.astype(np.int64), shift.astype(np.int64), own.limit))
        )
    return [part for _, part in sorted(parts, key=lambda each: each[0])]


@cache
def _tables(native: ModuleType, family: str) -> Any:
    """The tables of a family of densities, as the compiled module holds them."""
    mantissa, shift, scale = scale_tables()
    return native.Tables(
        cdf=_int32(CDF[family]()),
        bin_cdf=_int32(bin_cdf(family)),
        mantissa=_int32(mantissa),
        shift=_int32(shift),
        scale=_int32(scale),
        inverse_scale=inverse_scales().float().numpy(),
        softmax=_int32(softmax_weights()),
    )


def _int32(values: Tensor) -> np.ndarray:
    return np.ascontiguousarray(values.numpy(), dtype=np.int32)
