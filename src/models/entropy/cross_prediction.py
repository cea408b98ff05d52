"""Linear prediction of coefficients from other bands."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..subbands import BAND_LETTERS, all_of_level, coded_before
from .band_table import BandTable

BANDS = len(BAND_LETTERS)


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
