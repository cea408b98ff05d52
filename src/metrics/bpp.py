"""Rate: bits per voxel since the last reset."""

import torch
from torch import Tensor
from torchmetrics import Metric

from ..errors import AiwaveError


class Bpp(Metric):
    """Bits per voxel [bit/voxel]: all bits over all voxels since the last reset, summed in float64.

    Large volumes therefore weigh more than small ones. `compute` returns a float64 scalar, and raises
    `AiwaveError` when nothing was counted.
    """

    higher_is_better = False
    is_differentiable = False
    full_state_update = False

    bits: Tensor
    voxels: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("bits", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("voxels", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, bits: Tensor, voxels: int) -> None:
        """Count one batch.

        Args:
            bits: Length of the code in bits, one number or one per volume, shape () or (B,), any real dtype.
            voxels: Total number of voxels coded with these bits.

        Raises:
            AiwaveError: If `bits` has more than one dimension or `voxels` is not positive.
        """
        if bits.ndim > 1:
            raise AiwaveError(f"Bpp needs bits of shape () or (B,), but got {tuple(bits.shape)}.")
        if voxels <= 0:
            raise AiwaveError(f"Bpp needs a positive number of voxels, but got {voxels}.")
        self.bits += bits.detach().to(torch.float64).sum()
        self.voxels += voxels

    def compute(self) -> Tensor:
        """Return the rate so far [bit/voxel], float64, shape ()."""
        if self.voxels == 0:
            raise AiwaveError("Bpp has no voxels to divide by; call update first.")
        return self.bits / self.voxels
