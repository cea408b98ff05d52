"""No transform, for entropy models of voxels."""

from torch import Tensor, nn

from ..subbands import Subbands


class Identity(nn.Module):
    """The voxels themselves are the only band, of level 0."""

    kind = "voxels"
    reversible = True
    levels = 0

    def forward(self, x: Tensor) -> Subbands:
        """(B, 1, D, H, W) -> one band of the same shape."""
        return Subbands(x, ())

    def inverse(self, subbands: Subbands) -> Tensor:
        """The inverse of `forward`."""
        return subbands.approx
