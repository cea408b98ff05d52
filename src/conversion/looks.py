"""Looks at a few boxes of a source: to choose a model and a step by trial, and to notice that it has changed."""

import math
from collections.abc import Iterator
from hashlib import sha256

import numpy as np

from ..api import compress, info
from ..pretrained.choice import GOLDEN, automatic_model
from ..stores.stored_array import StoredArray

SIDE, COUNT = 64, 12
"""Voxels per side of the boxes along z, y, x, and their number."""


def fingerprint(source: StoredArray) -> str:
    """SHA-256 of a source's metadata and of the voxels of a few boxes. Raises AiwaveError if they cannot be read."""
    digest = sha256(repr((source.shape, source.dtype.str, source.start, source.stamp)).encode())
    for block in _blocks(source):
        digest.update(np.ascontiguousarray(block).tobytes())
    return digest.hexdigest()


def model_for(source: StoredArray, lossless: bool, modality: str | None, max_error: int | None) -> tuple[str, str]:
    """The name of the ready-made model that codes a few boxes best, and why.

    Raises AiwaveError if there is none for such voxels.
    """
    model, why = automatic_model(_sample(source), lossless, modality, max_error)
    return model.name, why


def step_for(source: StoredArray, model: str, psnr: float) -> float:
    """The quantisation step with which a model, by name or file, codes a few boxes at a PSNR [dB].

    Raises AiwaveError if there is none.
    """
    return float(info(compress(_sample(source), model, psnr=psnr))["step"])


def _sample(source: StoredArray) -> np.ndarray:
    """The boxes as a series (T, D, H, W), or the only one as a volume."""
    blocks = [block.reshape(block.shape[-3:]) for block in _blocks(source)]
    return np.stack(blocks) if len(blocks) > 1 else blocks[0]


def _blocks(source: StoredArray) -> Iterator[np.ndarray]:
    """Boxes of one size that are spread over the source."""
    sides = [1] * (len(source.shape) - 3) + [min(SIDE, size) for size in source.shape[-3:]]
    grid = [size // side for size, side in zip(source.shape, sides, strict=True)]
    count = math.prod(grid)
    for number in dict.fromkeys(int(k * GOLDEN * count) % count for k in range(1, COUNT + 1)):
        places = np.unravel_index(number, grid)
        starts = (int(k) * size // n for k, size, n in zip(places, source.shape, grid, strict=True))
        yield source.read(tuple(slice(start, start + side) for start, side in zip(starts, sides, strict=True)))
