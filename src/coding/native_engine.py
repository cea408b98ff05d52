"""Tiles coded by the compiled core, without PyTorch."""

from collections.abc import Sequence
from types import ModuleType

import numpy as np

from ..models.bands import Size
from ..models.quantisation.slopes import LOOKS
from .engine import Levels, Parameters
from .integer_voxels import IntegerVoxels
from .native_entropy import NativeEntropy
from .native_transform import NativeFilter, NativeReversible, NativeTransform


class NativeEngine:
    """See `Engine`; `native` is the compiled module. Raises AiwaveError if weights do not fit their description."""

    def __init__(self, native: ModuleType, parameters: Parameters) -> None:
        assert not isinstance(parameters.entropy, IntegerVoxels)  # it has an engine of its own
        self._entropy = NativeEntropy(native, parameters.entropy)
        self._filter = NativeFilter(native, parameters.post, parameters.post_weights)
        part = parameters.transform
        if parameters.integers is None:
            self._transform = NativeTransform(native, part, parameters.transform_weights)
            self._reversible = NativeReversible.plain(native, part.levels, part.sharing)
        else:
            self._reversible = NativeReversible(native, parameters.integers)

    def forward(self, voxels: np.ndarray, lossless: bool) -> Levels:
        """See `Engine.forward`."""
        return (self._reversible if lossless else self._transform).forward(voxels)

    def inverse(self, coefficients: Levels, size: Size, lossless: bool) -> np.ndarray:
        """See `Engine.inverse`."""
        return (self._reversible if lossless else self._transform).inverse(coefficients, size)

    def filtered(self, x_hat: np.ndarray, step: float, known: float) -> np.ndarray:
        """See `Engine.filtered`."""
        return self._filter(x_hat, step, known)

    def quantised(self, exact: Levels, size: Size, log_step: int, optimise: bool) -> Levels:
        """See `Engine.quantised`."""
        return self._entropy.quantised(exact, size, log_step, LOOKS if optimise else 0)

    def encode(self, q: Levels, size: Size, log_step: int) -> list[list[bytes]]:
        """See `Engine.encode`."""
        return self._entropy.encode(q, size, log_step)

    def decode(self, tiles: Sequence[Sequence[bytes]], size: Size, log_step: int, levels: int) -> Levels:
        """See `Engine.decode`."""
        return self._entropy.decode(tiles, size, log_step, levels)
