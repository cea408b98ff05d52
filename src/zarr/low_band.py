"""Chunks read as their low bands: the voxels at even positions, smoothed, of arrays half as large."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from zarr.core.array_spec import ArraySpec
from zarr.core.buffer import Buffer, NDBuffer

from .array_codec import AiwaveCodec
from .volumes import low_band


@dataclass(frozen=True)
class LowBandCodec(AiwaveCodec):
    """Decodes chunks of shape `whole` to volumes half as large along z, y, x, rounded up; it codes none."""

    whole: tuple[int, ...] = ()

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer:
        raise NotImplementedError

    def _decoded(self, chunk: Buffer, spec: ArraySpec, selection: Any) -> NDBuffer:
        volume = low_band(chunk.to_bytes(), self.whole, spec.dtype.to_native_dtype(), self.settings)
        values = volume if selection is None else volume[selection]
        return spec.prototype.nd_buffer.from_numpy_array(np.array(values, order="C"))
