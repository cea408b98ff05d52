"""Distortion: mean squared error since the last reset."""

import torch
from torch import Tensor
from torchmetrics import Metric

from ..errors import AiwaveError


class Mse(Metric):
    """Mean squared error of all voxels since the last reset, in squared sample units.

    Differences and sums are float64, so that 16-bit volumes lose nothing (torchmetrics' own sums in float32). The
    error is pooled: large volumes weigh more than small ones. `compute` returns a float64 scalar and raises
    `AiwaveError` when nothing was compared.
    """

    higher_is_better = False
    is_differentiable = False
    full_state_update = False

    squared_error: Tensor
    voxels: Tensor

    def __init__(self) -> None:
        super().__init__()
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
        error = difference(preds, target, type(self).__name__)
        self.squared_error += error.square().sum()
        self.voxels += error.numel()

    def compute(self) -> Tensor:
        """Return the mean squared error so far, float64, shape ()."""
        if self.voxels == 0:
            raise AiwaveError(f"{type(self).__name__} has no voxels to average over; call update first.")
        return self.squared_error / self.voxels


def difference(preds: Tensor, target: Tensor, name: str) -> Tensor:
    """Return `preds` - `target` in float64, of their shape, without gradient; `name` is that of the metric.

    Raises:
        AiwaveError: If the shapes differ.
    """
    if preds.shape != target.shape:
        raise AiwaveError(f"{name} needs equal shapes, not {tuple(preds.shape)} and {tuple(target.shape)}.")
    return preds.detach().to(torch.float64) - target.detach().to(torch.float64)
