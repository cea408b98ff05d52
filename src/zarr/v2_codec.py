"""The codec of numcodecs, for Zarr of format 2: the same chunks."""

from typing import Any, ClassVar

import numpy as np
from numcodecs.abc import Codec

from ..bitstream.chunk import constant_volume, is_constant, whole_form
from ..bitstream.container import open_stream
from ..errors import AiwaveError
from ..pretrained.choice import AUTO
from .settings import Mode, Settings
from .volumes import decode, encode


class AiwaveV2(Codec):
    """A compressor whose input must be an array of 3 to 5 axes, as chunks are; see `AiwaveCodec`.

    Metadata of this format is written before any type is known, so `auto` is refused. Raises AiwaveError for settings,
    shapes and types that it does not have.
    """

    codec_id: ClassVar[str] = "aiwave"

    def __init__(self, model: str = "em_lossless", mode: Mode = "lossless") -> None:
        self.settings = Settings(model, mode)
        if self.settings.model == AUTO:
            raise AiwaveError("Format 2 of Zarr needs the name of a model, as in em_lossless or mri_nano.")
        self.model, self.mode = self.settings.model, self.settings.mode

    def get_config(self) -> dict[str, Any]:
        """The codec as metadata has it."""
        return {"id": self.codec_id, **self.settings.as_dict()}

    def encode(self, buf: Any) -> bytes:
        """Code a chunk; one in Fortran's order is coded transposed, since readers take the memory as it was."""
        array = np.asarray(buf)
        return encode(array.T if array.flags.f_contiguous and not array.flags.c_contiguous else array, self.settings)

    def decode(self, buf: Any, out: Any = None) -> Any:
        """Decode a chunk, into `out` if it is given; the shape is that of the volume, with leading axes as one."""
        chunk = bytes(buf)
        if is_constant(chunk):
            volume = np.array(constant_volume(chunk))
        else:
            header = open_stream(whole_form(chunk, self.settings.load().identity)).header
            volume = decode(chunk, header.volume_shape, header.dtype, self.settings)
        if out is None:
            return volume
        flat = np.frombuffer(out, volume.dtype) if not isinstance(out, np.ndarray) else out.reshape(-1)
        flat[:] = volume.reshape(-1)
        return out
