"""The codec of zarr-python 3: chunks as volumes."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from zarr.abc.codec import ArrayBytesCodec, ArrayBytesCodecPartialDecodeMixin
from zarr.abc.store import ByteGetter
from zarr.core.array_spec import ArraySpec
from zarr.core.buffer import Buffer, NDBuffer

from ..errors import AiwaveError
from .settings import Mode, Settings
from .volumes import decode, encode, low_band, require_codable

NAME = "aiwave"


@dataclass(frozen=True)
class AiwaveCodec(ArrayBytesCodec, ArrayBytesCodecPartialDecodeMixin):
    """Chunks of 3 to 5 axes, the last of which are z, y, x, coded as `aiwave.compress` does; see `Settings`.

    An array's metadata holds the SHA-256 of the model. Reading a part of a chunk decodes the tiles that it touches.
    Raises AiwaveError for settings, shapes and types that it does not have.
    """

    is_fixed_size = False

    model: str = "auto"
    mode: Mode = "lossless"
    settings: Settings = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the settings."""
        settings = Settings(self.model, self.mode)
        object.__setattr__(self, "settings", settings)
        object.__setattr__(self, "model", settings.model)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The codec as metadata has it. Raises AiwaveError for unknown settings."""
        settings = Settings.of(data.get("configuration", {}))
        return cls(settings.model, settings.mode)

    def to_dict(self) -> dict[str, Any]:
        """The codec as metadata has it."""
        return {"name": NAME, "configuration": self.settings.as_dict()}

    def evolve_from_array_spec(self, array_spec: ArraySpec) -> Self:
        """The codec with a model in place of `auto`."""
        require_codable(array_spec.shape, array_spec.dtype.to_native_dtype())
        return replace(self, model=self.settings.resolved().model)

    def validate(self, *, shape: tuple[int, ...], dtype: Any, chunk_grid: Any) -> None:
        """Raise AiwaveError if the array cannot be coded."""
        require_codable(shape, dtype.to_native_dtype())

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        """Raise NotImplementedError: sizes vary."""
        raise NotImplementedError

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer:
        coded = encode(np.asarray(chunk_data.as_ndarray_like()), self.settings)
        return chunk_spec.prototype.buffer.from_bytes(coded)

    async def _encode_single(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer:
        return await asyncio.to_thread(self._encode_sync, chunk_data, chunk_spec)

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        return self._decoded(chunk_data, chunk_spec, None)

    async def _decode_single(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        return await asyncio.to_thread(self._decode_sync, chunk_data, chunk_spec)

    async def _decode_partial_single(
        self, byte_getter: ByteGetter, selection: Any, chunk_spec: ArraySpec
    ) -> NDBuffer | None:
        chunk = await byte_getter.get(prototype=chunk_spec.prototype)
        return None if chunk is None else await asyncio.to_thread(self._decoded, chunk, chunk_spec, selection)

    def _decode_partial_sync(self, byte_getter: Any, selection: Any, chunk_spec: ArraySpec) -> NDBuffer | None:
        """For the fused pipeline of zarr-python 3.4."""
        chunk = byte_getter.get_sync(prototype=chunk_spec.prototype)
        return None if chunk is None else self._decoded(chunk, chunk_spec, selection)

    def _decoded(self, chunk: Buffer, spec: ArraySpec, selection: Any) -> NDBuffer:
        region = inside = None
        if selection is not None:
            region, inside = _bounds(selection, spec.shape)
        volume = decode(chunk.to_bytes(), spec.shape, spec.dtype.to_native_dtype(), self.settings, region)
        values = volume if inside is None else volume[inside]
        return spec.prototype.nd_buffer.from_numpy_array(np.array(values, order="C"))


@dataclass(frozen=True)
class LowBandCodec(AiwaveCodec):
    """Reads chunks of shape `whole` as their low bands, the voxels at even positions, smoothed; it codes none.

    Arrays are half as large along z, y, x, rounded up.
    """

    whole: tuple[int, ...] = ()

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer:
        raise NotImplementedError

    def _decoded(self, chunk: Buffer, spec: ArraySpec, selection: Any) -> NDBuffer:
        volume = low_band(chunk.to_bytes(), self.whole, spec.dtype.to_native_dtype(), self.settings)
        values = volume if selection is None else volume[selection]
        return spec.prototype.nd_buffer.from_numpy_array(np.array(values, order="C"))


def _bounds(selection: Any, shape: tuple[int, ...]) -> tuple[list[tuple[int, int]], tuple[Any, ...]]:
    """The region that a selection of slices, indices and arrays of these lies in, and the selection within it."""
    parts = selection if isinstance(selection, tuple) else (selection,)
    if len(parts) > len(shape) or any(part is Ellipsis or part is None for part in parts):
        raise AiwaveError(f"The selection {selection!r} has not one entry for each axis.")
    region, inside = [], list[Any]()
    for part, size in zip((*parts, *[slice(None)] * (len(shape) - len(parts))), shape, strict=True):
        if isinstance(part, slice):
            start, stop, step = part.indices(size)
            taken = range(start, stop, step)
            low, high = (min(taken[0], taken[-1]), max(taken[0], taken[-1]) + 1) if len(taken) else (0, 1)
            region.append((low, high))
            inside.append(slice(start - low, stop - low, step) if len(taken) else slice(0, 0))
        else:
            index = np.asarray(part)
            low = int(index.min()) if index.size else 0
            region.append((low, int(index.max()) + 1 if index.size else 1))
            inside.append(index - low if index.ndim else int(index) - low)
    return region, tuple(inside)
