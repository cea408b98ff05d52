"""The codec of numcodecs, for Zarr of format 2: the same chunks."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numcodecs.abc import Codec

from ..bitstream.chunk import constant_volume, is_constant, whole_form
from ..bitstream.decoder import decompress
from ..budget import check_budget
from ..coding.core import at_most_threads
from ..errors import AiwaveError
from ..pretrained.choice import AUTO
from .settings import Mode, Settings
from .volumes import encode


class AiwaveV2(Codec):
    """A compressor whose input must be an array of 3 to 5 axes, as chunks are; see `AiwaveCodec`.

    Metadata of this format is written before any type is known, so `auto` is refused. Raises AiwaveError for settings,
    shapes and types that it does not have.
    """

    codec_id: ClassVar[str] = "aiwave"

    def __init__(self, model: str = "em_lossless", mode: Mode = "lossless") -> None:
        self.settings = Settings(model, mode)
        if self.settings.model == AUTO:
            raise AiwaveError("Format 2 of Zarr needs the name of a model, as in voxels_fast or general_nano.")
        self.model, self.mode = self.settings.model, self.settings.mode

    def get_config(self) -> dict[str, Any]:
        """The codec as metadata has it."""
        return {"id": self.codec_id, **self.settings.as_dict()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The codec as metadata has it. Raises AiwaveError for unknown settings."""
        settings = Settings.of(config)
        return cls(settings.model, settings.mode)

    def encode(self, buf: Any) -> bytes:
        """Code a chunk; one in Fortran's order is coded transposed, since readers take the memory as it was.

        Raises AiwaveError for big-endian arrays: readers would take the decoded memory for such.
        """
        array = np.asarray(buf)
        if array.dtype != array.dtype.newbyteorder("<"):
            raise AiwaveError(f"Format 2 of Zarr codes little-endian arrays, not {array.dtype}: choose such a type.")
        return encode(array.T if array.flags.f_contiguous and not array.flags.c_contiguous else array, self.settings)

    def decode(self, buf: Any, out: Any = None) -> Any:
        """Decode a chunk, little-endian, into `out` if it is given; leading axes of the volume are one.

        Raises AiwaveError for a damaged chunk, or one that does not fit into `out`.
        """
        volume = self._volume(bytes(buf))
        volume = volume.astype(volume.dtype.newbyteorder("<"), copy=False)
        if out is None:
            return volume
        try:
            target = out if isinstance(out, np.ndarray) else np.frombuffer(out, volume.dtype)
            target[...] = volume.reshape(target.shape)
        except (TypeError, ValueError) as error:
            raise AiwaveError(f"A chunk of {volume.shape} of {volume.dtype} does not fit where it is to go.") from error
        return out

    def _volume(self, chunk: bytes) -> np.ndarray:
        """A chunk's volume, if its size is plausible: nothing but the chunk tells it."""
        if is_constant(chunk):
            volume = constant_volume(chunk)
            consent = "read it within aiwave.budget.allow_large()"
            check_budget(volume.nbytes, len(chunk), "A chunk", "take format 3 of Zarr", consent)
            return np.array(volume)
        found = self.settings.load()
        with at_most_threads(1):
            return decompress(whole_form(chunk, found.identity), model=found)
