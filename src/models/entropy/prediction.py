"""Linear prediction of a coefficient from its band's causal neighbours and from the other bands."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..bands import BANDS
from ..conv import causal_mask
from ..subbands import all_of_level, coded_before
from .base import GAIN, BandTable


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


class CrossPredictor(nn.Module):
    """Linear 3x3x3 filters for each band, over the level's bands coded before and the reconstruction of coarser levels.

    The filter of the reconstruction operates on differences to its centre: a flat region predicts nothing. Outside the
    volume, bands and differences are zero. All filters start at zero. Bands of a transform without gains, such as the
    reversible 5/3, are correlated; those of a nearly orthonormal transform hardly are.
    """

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.siblings = BandTable(bands, BANDS, 3, 3, 3)
        self.coarse = BandTable(bands, 1, 3, 3, 3)

    def forward(self, stack: Tensor, approx: Tensor | None, bands: Tensor) -> Tensor:
        """Correction of the prediction of the bands (n,) of a level: `stack` (B, n, d, h, w), n = 7 or 8 -> the same.

        `approx` is (B, 1, d, h, w) or None. All are in the same unit, computed in the precision of `stack`.
        """
        with torch.autocast(stack.device.type, enabled=False):
            kernel = self.siblings(bands) * coded_before(len(bands), stack)[:, :, None, None, None]
            total = F.conv3d(all_of_level(stack), kernel.to(stack.dtype), padding=1)
            if approx is None:
                return total
            kernel = self.coarse(bands).to(stack.dtype)
            inside = F.conv3d(torch.ones_like(approx[:1]), kernel, padding=1)
            return total + F.conv3d(approx, kernel, padding=1) - approx * inside
