"""Sizes that parameter-free traditional codecs reach on a volume, measured quickly and in-process."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .anchor import Anchor
from .jpegls import JpegLs
from .jpegxl import JpegXl
from .measure import Job, measure
from .sperr import Sperr

TRIES, CLOSE = 4, 0.05
"""Attempts of SPERR to hit a PSNR, and the largest shortfall [dB] that is accepted."""


def lossless_sizes(voxels: np.ndarray) -> dict[str, float]:
    """Bytes of a (D, H, W) volume of 8- or 16-bit integers in JPEG XL and JPEG-LS, by codec name.

    Raises AiwaveError, or the library's own exception, if a codec fails.
    """
    return {
        "JPEG XL": _measured(JpegXl, "JPEG XL", {"effort": 7}, voxels, 0)[0],
        "JPEG-LS": _measured(JpegLs, "JPEG-LS", {}, voxels, 0)[0],
    }


def sperr_size(voxels: np.ndarray, error: float) -> float:
    """Bytes of (D, H, W) integers in SPERR at a mean squared error of at most `error` > 0 [squared grey values].

    Infinite if SPERR does not reach it. Raises as `lossless_sizes` does.
    """
    wanted = 10 * math.log10(_span(voxels) ** 2 / error)
    quality, best = wanted, math.inf
    for _ in range(TRIES):
        if quality <= 0:  # 0 is lossless
            break
        size, psnr = _measured(Sperr, "SPERR", {}, voxels, quality)
        if psnr >= wanted - CLOSE:
            best = min(best, size)
        if abs(psnr - wanted) <= CLOSE:
            break
        quality -= min(max(psnr - wanted, -3.0), 3.0)
    return best


def _measured(
    kind: type[Anchor], name: str, settings: Mapping[str, Any], voxels: np.ndarray, quality: float
) -> tuple[float, float]:
    """Bytes, and PSNR [dB] with the range of the voxels as peak, as SPERR defines it."""
    codec = kind(name, "quality", (), (), settings, None, {})
    row = measure(Job("", "", voxels, codec, quality, _span(voxels))).row
    return row.bpp * voxels.size / 8, row.psnr_db


def _span(voxels: np.ndarray) -> float:
    return float(voxels.max()) - float(voxels.min())
