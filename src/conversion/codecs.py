"""Codecs of the arrays that are written: ours, or any that is registered with zarr-python."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..bitstream.encoder import SIDE
from ..errors import AiwaveError, printable
from .job import Job
from .levels import Level

ArrayOptions = dict[str, Any]
"""Arguments of zarr.create_array."""

REPEATED = 2
"""Voxels beyond the end of an array that repeat its last ones in the chunk."""


def options_of(job: Job) -> ArrayOptions:
    """The codecs of a job. Raises AiwaveError for a codec that is not registered, or settings it does not have."""
    if job.codec is not None:
        from ..zarr import AiwaveCodec

        return {"serializer": AiwaveCodec(job.codec["model"], job.codec["mode"]), "compressors": None}
    return _registered(job.other or "")


def _registered(text: str) -> ArrayOptions:
    """Codecs by a registered name, or by the JSON object that metadata would have."""
    from zarr.abc.codec import ArrayBytesCodec, BytesBytesCodec
    from zarr.registry import get_codec_class

    if text == "none":
        return {"compressors": None}
    try:
        about = json.loads(text) if text.startswith("{") else {"name": text}
        made = get_codec_class(about["name"]).from_dict({"configuration": {}, **about})
    except KeyError as error:
        raise AiwaveError(
            f"No codec {printable(text, 80)!r} is registered with zarr: give a name such as blosc, zstd or gzip, none, "
            "or install the package that has it."
        ) from error
    except (TypeError, ValueError, RecursionError) as error:
        words = printable(str(error).rstrip("."), 200)
        raise AiwaveError(f"The codec {printable(text, 80)} cannot be used: {words}.") from error
    if isinstance(made, BytesBytesCodec):
        return {"compressors": [made]}
    if isinstance(made, ArrayBytesCodec):
        return {"serializer": made, "compressors": None}
    raise AiwaveError(f"The codec {printable(text, 80)} changes arrays, and does not make bytes of them: give another.")


class Cell:
    """One chunk of a level in memory: zarr-python codes and decodes it as it would in the store."""

    def __init__(self, level: Level, dtype: Any, options: Mapping[str, Any]) -> None:
        from zarr.storage import MemoryStore

        import zarr

        self._held: dict[str, Any] = {}
        self._key = "/".join(["c", *["0"] * len(level.chunk)])
        self._array = zarr.create_array(
            MemoryStore(self._held),
            shape=level.chunk,
            chunks=level.chunk,
            dtype=dtype,
            fill_value=0,
            **options,
        )

    def encode(self, voxels: Any) -> bytes | None:
        """The bytes of a whole chunk; None if it is all zeros, and has none."""
        self._array[...] = voxels
        found = self._held.get(self._key)
        return None if found is None else found.to_bytes()

    def decoded(self) -> Any:
        """The voxels of what was coded last."""
        return self._array[...]


def filled_up(voxels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Voxels in a chunk of this shape, at its start; the rest, which no reader sees, takes few bytes.

    The last voxels are repeated as far as the low band looks, which is not beyond a tile; the mean follows, since
    tiles of one value cost nothing.
    """
    missing = [side - size for side, size in zip(shape, voxels.shape, strict=True)]
    if not any(missing):
        return voxels
    mean = voxels.mean(dtype=np.float64, where=np.isfinite(voxels)) if np.isfinite(voxels).any() else 0.0
    repeated = [(0, min(REPEATED, k, -size % SIDE)) for k, size in zip(missing, voxels.shape, strict=True)]
    near = np.pad(voxels, repeated, mode="edge")
    fill = voxels.dtype.type(mean if voxels.dtype.kind == "f" else round(mean))
    return np.pad(near, [(0, side - size) for side, size in zip(shape, near.shape, strict=True)], constant_values=fill)
