"""Distortion: peak signal-to-noise ratio over everything seen."""

import math

import torch
from torch import Tensor
from torchmetrics import Metric

from ..errors import AiwaveError


class Psnr(Metric):
    """Peak signal-to-noise ratio [dB] of all voxels since the last reset: 10 log10(peak² / mean error²).

    Differences and sums are float64, so that 16-bit volumes lose nothing (torchmetrics' own PSNR sums in
    float32). It is the PSNR of the pooled error, not the mean of PSNRs; reset between volumes for one number
    each. `compute` returns a float64 scalar, inf when nothing differs, and raises `AiwaveError` when nothing
    was compared.

    Args:
        peak: Largest value that the samples can take, in their own unit (255 for uint8, 65535 for uint16).

    Raises:
        AiwaveError: If `peak` is not a positive finite number.
    """

    higher_is_better = True
    is_differentiable = False
    full_state_update = False

    squared_error: Tensor
    voxels: Tensor

    def __init__(self, peak: float) -> None:
        super().__init__()
        if not (math.isfinite(peak) and peak > 0):
            raise AiwaveError(f"Psnr needs a positive finite peak, but got {peak}.")
        self.peak = float(peak)
        self.add_state("squared_error", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("voxels", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Compare one volume or batch.

        Args:
            preds: Decoded samples, any shape such as (D, H, W) or (B, C, D, H, W), any real dtype.
            target: Original samples in the same unit, same shape, any real dtype.

        Raises:
            AiwaveError: If the shapes differ.
        """
        if preds.shape != target.shape:
            raise AiwaveError(f"Psnr needs equal shapes, not {tuple(preds.shape)} and {tuple(target.shape)}.")
        error = preds.detach().to(torch.float64) - target.detach().to(torch.float64)
        self.squared_error += error.square().sum()
        self.voxels += error.numel()

    def compute(self) -> Tensor:
        """Return the PSNR so far [dB], float64, shape ()."""
        if self.voxels == 0:
            raise AiwaveError("Psnr has no voxels to average over; call update first.")
        return 10 * torch.log10(self.peak**2 * self.voxels / self.squared_error)
