"""Measurement of one volume with one traditional codec at one quality."""

import math
from dataclasses import dataclass

import numpy as np

from ..errors import AiwaveError
from ..report.rd_row import RdRow
from ..report.slices import Slice
from .anchor import Anchor
from .signed import from_unsigned, to_unsigned


@dataclass(frozen=True, eq=False)
class Job:
    """A coding job: (D, H, W) `voxels` of 8 or 16 bits; `peak` is the PSNR peak, in grey values."""

    dataset: str
    file: str
    voxels: np.ndarray
    anchor: Anchor
    quality: float
    peak: float

    @property
    def key(self) -> tuple[str, str, str, float]:
        """Key of the job: data set, file, codec, quality."""
        return self.dataset, self.file, self.anchor.name, self.quality


def measure(job: Job) -> Slice:
    """Code and decode a volume and compare the stored values with the original's: the row, and a slice to show.

    Signed voxels are shifted to unsigned before coding, and back afterwards; the times do not include that.

    Raises:
        AiwaveError: If the codec fails, or returns another shape or dtype.
    """
    voxels, shift = to_unsigned(job.voxels)
    coded = job.anchor.code(voxels, job.quality)
    if coded.voxels.shape != voxels.shape:
        shapes = ["×".join(map(str, shape)) for shape in (coded.voxels.shape, voxels.shape)]
        raise AiwaveError(f"{job.anchor.name} decoded {job.file} to {shapes[0]} voxels instead of {shapes[1]}.")
    decoded = from_unsigned(coded.voxels, shift, job.voxels.dtype)
    error = np.abs(decoded.astype(np.int32) - job.voxels)
    row = RdRow(
        *job.key,
        bpp=8 * coded.size / voxels.size,
        psnr_db=psnr(error, job.peak),
        encode_s=coded.encode_s,
        decode_s=coded.decode_s,
        max_error=int(error.max()),
    )
    middle = len(decoded) // 2
    return Slice(row, job.voxels[middle], decoded[middle])


def psnr(error: np.ndarray, peak: float) -> float:
    """10 log10(peak² / mean error²) [dB] of integer errors, summed in float64; inf if there are none.

    Same as `aiwave.metrics.Psnr`, but without torch, so that worker processes start faster.
    """
    mean_square = float(np.square(error, dtype=np.float64).mean())
    return 10 * math.log10(peak**2 / mean_square) if mean_square else math.inf
