"""Distortion: peak signal-to-noise ratio since the last reset."""

import math

import torch
from torch import Tensor

from ..errors import AiwaveError
from .mse import Mse


class Psnr(Mse):
    """Peak signal-to-noise ratio [dB] of all voxels since the last reset: 10 log10(peak² / mean error²).

    It is the PSNR of the pooled error, not the mean of PSNRs; reset between volumes for one number each. `compute`
    returns a float64 scalar, inf when nothing differs, and raises `AiwaveError` when nothing was compared. (The PSNR of
    torchmetrics 1.9 multiplies by a float32 logarithm, which costs 1e-6 dB.)

    Args:
        peak: Largest value that the samples can take, in their own unit (255 for uint8, 65535 for uint16).

    Raises:
        AiwaveError: If `peak` is not a positive finite number.
    """

    higher_is_better = True

    def __init__(self, peak: float) -> None:
        super().__init__()
        if not (math.isfinite(peak) and peak > 0):
            raise AiwaveError(f"Psnr needs a positive finite peak, but got {peak}.")
        self.peak = float(peak)

    def compute(self) -> Tensor:
        """Return the PSNR so far [dB], float64, shape ()."""
        return 10 * torch.log10(self.peak**2 / super().compute())
