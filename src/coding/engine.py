"""Coders of tiles: the interface of the compiled core and of the reference, in NumPy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..models.bands import Size
from .integer_context import IntegerContext
from .integer_factorized import IntegerFactorized
from .integer_reversible import IntegerReversible
from .integer_voxels import IntegerVoxels
from .parts import PostPart, TransformPart

Levels = list[np.ndarray]
"""Bands by level, from coarse to fine: (n, d, h, w), or (T, n, d, h, w) of T tiles.

The coarsest level has 8 bands, LLL first, all others 7. Bands that are smaller than their level's (see `band_size`)
have zeros at the far ends.
"""


@dataclass(frozen=True, eq=False)
class Parameters:
    """The parameters of a codec: descriptions and float32 weights of transform and filter, and the integer models.

    `integers` is the transform of a purely lossless codec, whose `transform_weights` are not used. A voxel model has no
    transform, but for previews.
    """

    transform: TransformPart
    transform_weights: Mapping[str, np.ndarray]
    post: PostPart
    post_weights: Mapping[str, np.ndarray]
    entropy: IntegerContext | IntegerFactorized | IntegerVoxels
    integers: IntegerReversible | None


class Engine(Protocol):
    """Transforms, quantises and codes tiles of voxels (d, h, w) with the parameters of a codec.

    What is coded, and the lossless transform, are the same for every engine; decoded voxels of lossy coding are nearly.
    """

    def forward(self, voxels: np.ndarray, lossless: bool) -> Levels:
        """Voxels (d, h, w) of one tile -> coefficients: int64 if `lossless`, else float32 in units of the voxels."""

    def inverse(self, coefficients: Levels, size: Size, lossless: bool) -> np.ndarray:
        """The inverse of `forward` for a tile of `size`: int64 or float32.

        Without the finest levels, the result is the low band that they would refine.
        """

    def filtered(self, x_hat: np.ndarray, step: float, known: float) -> np.ndarray:
        """The post-filter, which knows the nearest step of training: (d, h, w) float32 -> the same."""

    def quantised(self, exact: Levels, size: Size, log_step: int, optimise: bool) -> Levels:
        """Coefficients of T tiles in steps, float32 -> those to code, int32: steps, or half steps along the trellis.

        With `optimise` squared errors are weighed against bits in the context of the entropy model.
        """

    def encode(self, q: Levels, size: Size, log_step: int) -> list[list[bytes]]:
        """Quantised coefficients of T tiles -> for every tile one segment per band, in coding order."""

    def decode(self, tiles: Sequence[Sequence[bytes]], size: Size, log_step: int, levels: int) -> Levels:
        """The inverse of `encode` for so many of the coarsest levels, given their segments alone: int32.

        Raises AiwaveError for damage that is detected; most damaged data decodes to other coefficients.
        """


class VoxelEngine(Protocol):
    """Codes tiles of numbers, without a transform. What is coded is the same for every engine."""

    def encode(self, tiles: np.ndarray, bounds: np.ndarray) -> list[bytes]:
        """Tiles (T, d, h, w) of integers, and the lowest and highest of each, (T, 2) -> a segment for each."""

    def decode(self, segments: Sequence[bytes], bounds: np.ndarray, size: Size) -> np.ndarray:
        """The inverse of `encode`: (T, d, h, w) int32. Raises AiwaveError for damage that is detected."""
