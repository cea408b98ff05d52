"""Linear prediction of a coefficient from the preceding ones."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..conv import causal_mask
from .band_table import GAIN, BandTable


class BandPredictor(nn.Module):
    """A linear filter for each band, over the 13 causal neighbours (raster order) in the same band.

    The filters of the bands `images`, such as the coarsest LLL, start as the mean of the three nearest neighbours; the
    others start at zero, the mean of wavelet details.
    """

    mask: Tensor

    def __init__(self, bands: int, images: Sequence[int] = (0,)) -> None:
        super().__init__()
        self.table = BandTable(bands, 1, 2, 3, 3)
        with torch.no_grad():
            for behind, above, left in ((0, 1, 1), (1, 0, 1), (1, 1, 0)):
                self.table.scaled[list(images), 0, behind, above, left] = 1 / (3 * GAIN)
        self.register_buffer("mask", causal_mask(include_centre=False), persistent=False)

    def forward(self, stack: Tensor, bands: Tensor) -> Tensor:
        """Coefficients (B, n, d, h, w) of the bands (n,) -> their predictions, same shape and units.

        Computed in the precision of `stack`, even under autocast: LLL is large, its prediction errors are not.
        """
        padded = F.pad(stack, (0, 0, 0, 0, 1, 0))
        with torch.autocast(stack.device.type, enabled=False):
            kernel = (self.table(bands) * self.mask).to(stack.dtype)
            return F.conv3d(padded, kernel, padding=(0, 1, 1), groups=len(bands))
