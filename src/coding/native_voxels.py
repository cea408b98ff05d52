"""The voxel model in C++, with the bytes of the reference."""

from collections.abc import Sequence
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import AiwaveError
from ..models.bands import Size
from ..models.neighbours import REFERENCE
from .integer_voxels import IntegerVoxels, activity_tables, activity_thresholds
from .native_coder import int32, native_tables


class NativeVoxels:
    """See `VoxelCoder`; `native` is the compiled module. A tile's bytes do not depend on the number of `threads`."""

    def __init__(self, native: ModuleType, model: IntegerVoxels, threads: int = 1) -> None:
        self._native, self._model, self._threads = native, model, threads

    def encode(self, tiles: np.ndarray, bounds: np.ndarray) -> list[bytes]:
        """See `VoxelCoder.encode`."""
        segments: list[bytes] = self._native.encode_voxels(self._handle, int32(tiles), int32(bounds), self._threads)
        return segments

    def decode(self, segments: Sequence[bytes], bounds: np.ndarray, size: Size) -> np.ndarray:
        """See `VoxelCoder.decode`."""
        try:
            numbers: np.ndarray = self._native.decode_voxels(
                self._handle, list(segments), int32(bounds), size, self._threads
            )
        except self._native.Damaged as error:
            raise AiwaveError(f"The coded data is damaged: {error}.") from error
        return numbers

    @cached_property
    def _handle(self) -> Any:
        """The model as the compiled module holds it."""
        model = self._model
        mantissa, shift, activity = activity_tables()
        layers = (
            (name, np.ascontiguousarray(layer.weight, np.int16), layer.bias, layer.shift, layer.limit)
            for name, layer in model.layers.items()
        )
        return self._native.VoxelModel(
            limit=model.limit,
            components=model.density.components,
            weighted=model.density.size == 3 * model.density.components,
            tables=native_tables(self._native, model.density.family),
            thresholds=int32(activity_thresholds()),
            mantissa=int32(mantissa),
            shift=int32(shift),
            activity=activity,
            offsets=model.offsets,
            reference=list(REFERENCE),
            layers=list(layers),
        )
