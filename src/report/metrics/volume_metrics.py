"""Figures of single volumes as torchmetrics: MSE, PSNR, largest error, rate."""

import math

import torch
from torch import Tensor
from torchmetrics import MaxMetric, MeanMetric, MeanSquaredError

from ...errors import AiwaveError


class Mse(MeanSquaredError):
    """Mean squared error of all voxels since the last reset, in squared sample units.

    Differences and sums are float64, so that 16-bit volumes lose nothing: torchmetrics computes in the dtype of its
    arguments. The error is pooled: large volumes weigh more than small ones. `compute` returns a float64 scalar and
    raises `AiwaveError` when nothing was compared.
    """

    def __init__(self) -> None:
        super().__init__()
        self.set_dtype(torch.float64)

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Compare one volume or batch.

        Args:
            preds: Decoded samples, any shape such as (D, H, W) or (B, C, D, H, W), any real dtype.
            target: Original samples in the same unit, same shape, any real dtype.

        Raises:
            AiwaveError: If the shapes differ.
        """
        super().update(*in_float64(preds, target, type(self).__name__))

    def compute(self) -> Tensor:
        """Return the mean squared error so far, float64, shape ()."""
        if self.total == 0:
            raise AiwaveError(f"{type(self).__name__} has no voxels to average over; call update first.")
        return super().compute()


def in_float64(preds: Tensor, target: Tensor, name: str) -> tuple[Tensor, Tensor]:
    """Return both in float64, flat, without gradient; `name` is that of the metric.

    Raises:
        AiwaveError: If the shapes differ.
    """
    if preds.shape != target.shape:
        raise AiwaveError(f"{name} needs equal shapes, not {tuple(preds.shape)} and {tuple(target.shape)}.")
    return preds.detach().to(torch.float64).flatten(), target.detach().to(torch.float64).flatten()


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


class MaxError(MaxMetric):
    """Largest absolute error of a voxel since the last reset, in sample units; float64, -inf before any update."""

    full_state_update = False

    def __init__(self) -> None:
        super().__init__(nan_strategy=math.nan)  # an undefined voxel has an undefined error
        self.set_dtype(torch.float64)

    def update(self, preds: Tensor, target: Tensor) -> None:  # type: ignore[override]
        """Compare one volume or batch, two tensors of one shape, any real dtype.

        Raises:
            AiwaveError: If the shapes differ.
        """
        decoded, original = in_float64(preds, target, "MaxError")
        super().update((decoded - original).abs())


class Bpp(MeanMetric):
    """Bits per voxel [bit/voxel]: all bits over all voxels since the last reset, summed in float64.

    Large volumes therefore weigh more than small ones. `compute` returns a float64 scalar, and raises
    `AiwaveError` when nothing was counted.
    """

    def __init__(self) -> None:
        super().__init__(nan_strategy=math.nan)  # an undefined length makes an undefined rate
        self.set_dtype(torch.float64)

    def update(self, bits: Tensor, voxels: int) -> None:  # type: ignore[override]
        """Count one batch.

        Args:
            bits: Length of the code in bits, in any number of parts: any shape and real dtype.
            voxels: Total number of voxels coded with these bits.

        Raises:
            AiwaveError: If `voxels` is not positive.
        """
        if voxels <= 0:
            raise AiwaveError(f"Bpp needs a positive number of voxels, but got {voxels}.")
        super().update(bits.detach().sum(dtype=torch.float64) / voxels, voxels)

    def compute(self) -> Tensor:
        """Return the rate so far [bit/voxel], float64, shape ()."""
        if self.weight == 0:
            raise AiwaveError("Bpp has no voxels to divide by; call update first.")
        return super().compute()


def compression_ratio(stored_bits: int, bpp: float) -> float | None:
    """Return the bits of a stored sample (8 or 16) over the bits per voxel of the code; None for a rate of zero.

    Raises:
        AiwaveError: If `stored_bits` is not positive or `bpp` is negative.
    """
    if stored_bits <= 0 or bpp < 0:
        raise AiwaveError(f"There is no compression ratio of {stored_bits} stored bits to {bpp:g} bit/voxel.")
    return stored_bits / bpp if bpp else None
