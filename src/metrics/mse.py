"""Distortion: mean squared error since the last reset."""

import torch
from torch import Tensor
from torchmetrics import MeanSquaredError

from ..errors import AiwaveError


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
