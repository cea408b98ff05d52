"""Rate: bits per voxel since the last reset."""

import math

import torch
from torch import Tensor
from torchmetrics import MeanMetric

from ..errors import AiwaveError


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
