"""Quantisation that weighs what a coefficient costs against what it repairs: an encoder's choice, unknown to decoders.

Rate-distortion optimised quantisation, as video encoders have it (Karczewicz et al., "Rate distortion optimized
quantization", VCEG-AH21, 2008), with the context model's own probabilities.
"""

import torch
from torch import Tensor

from ..models.rate import HIGH_RATE_SLOPE
from ..models.subbands import DETAILS, Subbands
from .band_coder import BandCoder, KnownBand
from .mixture import Mixture

FLOOR = 1 << 14
"""The least probability that is coded, in units of 2**-38."""


@torch.inference_mode()
def optimised(coder: BandCoder, exact: Subbands, log_step: int) -> Subbands:
    """Coefficients of T tiles in quantisation steps, real numbers -> integers, int64.

    Each is the nearest integer, or the next towards zero where the bits that this saves, at the slope of a uniform
    quantiser at high rate, are worth more than the squared error that it adds. Bits are those in the context of the
    nearest integers.
    """
    nearest = exact.map(lambda band: torch.round(band).long())
    bands = [
        _choose(band, band.wave.sort(coefficients))
        for band, coefficients in zip(coder.known_bands(nearest, log_step), _bands(exact), strict=True)
    ]
    details = (torch.stack(bands[k : k + DETAILS], dim=1) for k in range(1, len(bands), DETAILS))
    return Subbands(bands[0].unsqueeze(1), tuple(details), exact.size)


def _bands(subbands: Subbands) -> list[Tensor]:
    """The bands (T, d, h, w) in coding order."""
    return [band for stack in subbands.level_stacks() for band in stack.unbind(dim=1)]


def _choose(band: KnownBand, exact: Tensor) -> Tensor:
    """What to code of a band whose coefficients are `exact` (T, P): (T, d, h, w) int64."""
    chosen = band.values.clone()
    for start, end, mixture in band.densities:
        piece = _smaller_where_it_pays(chosen[:, start:end].flatten(), exact[:, start:end].flatten(), mixture)
        chosen[:, start:end] = piece.view(len(chosen), -1)
    return band.wave.unsort(chosen)


def _smaller_where_it_pays(q: Tensor, exact: Tensor, mixture: Mixture) -> Tensor:
    """The nearest integers (rows,) and what they stand for -> those to code."""
    rows, chosen = (q.abs() > exact.abs()).nonzero().squeeze(1), q.clone()
    if not len(rows):
        return chosen
    nearest, exact = q[rows], exact[rows]
    smaller = nearest - nearest.sign()
    low = torch.minimum(nearest, smaller)
    cumulative = mixture.select(rows).cumulative(torch.stack((low, low + 1, low + 2)))
    below, above = torch.diff(cumulative, dim=0).clamp(min=FLOOR).double().log2()
    saved = torch.where(smaller < nearest, below - above, above - below)
    added = (exact - smaller).square() - (exact - nearest).square()
    chosen[rows] = torch.where(added < HIGH_RATE_SLOPE * saved, smaller, nearest)
    return chosen
