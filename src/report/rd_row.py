"""One measured point of one volume."""

import math
from dataclasses import dataclass

from ..errors import AiwaveError


@dataclass(frozen=True)
class RdRow:
    """One volume coded once; the fields are the columns of an RD table, in order.

    Args:
        dataset: Name of the set of volumes.
        file: Name of the volume.
        codec: Name of the codec or model.
        quality: Quality setting of the codec, in its own unit (λ, QP, compression ratio, ...).
        bpp: Rate [bit/voxel], finite and non-negative.
        psnr_db: Peak signal-to-noise ratio [dB], inf for lossless.
        encode_s: Seconds to encode.
        decode_s: Seconds to decode.
        max_error: Largest absolute error of a voxel [grey values], None if it was not measured.

    Raises:
        AiwaveError: If a number is invalid (NaN anywhere, a negative or infinite rate, a negative error).
    """

    dataset: str
    file: str
    codec: str
    quality: float
    bpp: float
    psnr_db: float
    encode_s: float
    decode_s: float
    max_error: float | None = None

    def __post_init__(self) -> None:
        numbers = {k: v for k, v in vars(self).items() if isinstance(v, int | float)}
        undefined = [name for name, number in numbers.items() if math.isnan(number)]
        if undefined:
            raise AiwaveError(f"{undefined[0]} of {self.file} with {self.codec} is not a number.")
        if not 0 <= self.bpp < math.inf:
            raise AiwaveError(f"bpp of {self.file} with {self.codec} is {self.bpp}, not a rate.")
        if self.max_error is not None and self.max_error < 0:
            raise AiwaveError(f"max_error of {self.file} with {self.codec} is {self.max_error}, below zero.")
