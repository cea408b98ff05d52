"""Distortion: largest absolute error since the last reset."""

import math

import torch
from torch import Tensor
from torchmetrics import MaxMetric

from .mse import in_float64


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
