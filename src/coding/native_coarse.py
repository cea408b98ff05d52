"""The compiled context from coarser levels: their reconstruction, and what the network sees of it, in exact integers.

`native` is the compiled module (see `core`), `threads` how many may compute at a time; results do not depend on it.
"""

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from ..models.bands import DETAILS, Size
from ..models.transform.wavelets import Wavelet
from .constants import APPROX_FRACTION, FACTOR_FRACTION
from .exact_tables import asinh_thresholds

MEAN_VOXELS = 125


def next_approx(
    native: ModuleType,
    stack: np.ndarray,
    approx: np.ndarray | None,
    size: Size,
    reversible: bool = False,
    sections: bool = False,
    halves: bool = False,
    threads: int = 1,
) -> np.ndarray:
    """The reconstruction of T tiles up to and including a level that splits `size` (D, H, W).

    `stack` is (T, n, d, h, w), integers; `approx` (T, 1, d, h, w) int64 is that of the coarser levels, None at the
    coarsest one. Returns (T, 1, D, H, W) int64 in units of 2**-6 steps. See `coarse_context.next_approx`.
    """
    details = np.ascontiguousarray(stack[:, -DETAILS:], dtype=np.int32)
    low = stack[:, :1].astype(np.int64) << APPROX_FRACTION - halves if approx is None else approx
    whole = np.ascontiguousarray(low[:, 0], dtype=np.int64)
    merged = _coarse_transform(native, reversible, sections).next(details, whole, size, halves, threads)
    return merged[:, None]  # type: ignore[no-any-return]


def coarse_inputs(native: ModuleType, approx: np.ndarray, threads: int = 1) -> np.ndarray:
    """(T, 1, d, h, w) in units of 2**-6 steps -> the context network's two inputs, (T, 2, d, h, w) int32.

    See `coarse_context.coarse_inputs`.
    """
    whole = np.ascontiguousarray(approx[:, 0], dtype=np.int64)
    return _coarse_inputs(native)(whole, threads)  # type: ignore[no-any-return]


@cache
def _coarse_transform(native: ModuleType, reversible: bool, sections: bool) -> Any:
    lifting = Wavelet.CDF97.lifting
    inverse_gains = (1 / gain for gain in (lifting.low_gain, lifting.high_gain, lifting.flat_gain))
    factors = [round(factor * 2**FACTOR_FRACTION) for factor in (*lifting.steps, *inverse_gains)]
    return native.CoarseTransform(factors=factors, reversible=reversible, sections=sections)


@cache
def _coarse_inputs(native: ModuleType) -> Any:
    unit = 1 << APPROX_FRACTION
    return native.CoarseInputs(of_detail=asinh_thresholds(MEAN_VOXELS * unit), of_whole=asinh_thresholds(unit))
