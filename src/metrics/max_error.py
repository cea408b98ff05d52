"""Distortion: largest absolute error since the last reset."""

import torch
from torch import Tensor
from torchmetrics import Metric

from .mse import difference


class MaxError(Metric):
    """Largest absolute error of a voxel since the last reset, in sample units; float64, 0 before any update."""

    higher_is_better = False
    is_differentiable = False
    full_state_update = False

    worst: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("worst", torch.zeros((), dtype=torch.float64), dist_reduce_fx="max")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Compare one volume or batch, two tensors of one shape, any real dtype.

        Raises:
            AiwaveError: If the shapes differ.
        """
        self.worst = torch.maximum(self.worst, difference(preds, target, "MaxError").abs().max())

    def compute(self) -> Tensor:
        """Return the largest error so far, float64, shape ()."""
        return self.worst
