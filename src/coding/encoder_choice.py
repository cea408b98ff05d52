"""Rate-distortion optimised quantisation: the encoder's choice of coefficients, unknown to decoders.

As in video encoders (Karczewicz et al., "Rate distortion optimized quantization", VCEG-AH21, 2008), with the
probabilities of the context model itself; for dependent quantisation, the choice of a path through the trellis.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from ..models.quantisation.dependent import SECOND, candidates, chosen, index_of
from ..models.quantisation.slopes import HIGH_RATE_SLOPE, SLOPE
from ..models.subbands import Subbands, places
from .band_coder import BandCoder, KnownBand
from .integer_mixture import Mixture
from .rough_bits import rough_bits
from .tensor_tables import bits_of

FLOOR = 1 << 14
"""Lower bound of probabilities, in units of 2**-38."""


@torch.inference_mode()
def optimised(coder: BandCoder, exact: Subbands, log_step: int) -> Subbands:
    """Quantise the coefficients of T tiles: real numbers in quantisation steps -> int64.

    Each becomes the nearest integer, or the next one towards zero if the bits saved, at the slope of a uniform
    quantiser at high rate, outweigh the squared error added. Bits are those in the context of the nearest integers.
    """
    nearest = exact.map(lambda band: torch.round(band).long())
    bands = zip(coder.known_bands(nearest, log_step), _bands(exact), strict=True)
    return _joined([_choose(band, band.wave.sort(coefficients)) for band, coefficients in bands], exact)


@torch.inference_mode()
def dependent(coder: BandCoder, exact: Subbands, log_step: int, looks: int) -> Subbands:
    """Quantise as `optimised` does, for a model with dependent quantisation -> half steps, int64.

    The path through the trellis weighs squared errors against bits at the slope of its quantisers. Bits are first a
    rough estimate (see `rough_bits`), then, `looks` times, those in the context of the previous choice.
    """
    states = coder.model.states
    coded = _paths(exact, map(rough_bits, _bands(exact)), states)
    for _ in range(looks):
        known = zip(coder.known_bands(coded, log_step), _bands(exact), strict=True)
        coded = _paths(exact, (_bits(band, band.wave.sort(coefficients)) for band, coefficients in known), states)
    return coded


def _paths(exact: Subbands, costs: Iterable[Tensor], states: int) -> Subbands:
    """The best paths, where `costs` are the bits of the `candidates` for each band's coefficients, (6, T, d, h, w)."""
    bands = []
    for coefficients, bits, size in zip(_bands(exact), costs, exact.band_sizes(), strict=True):
        bands.append((2 * chosen(coefficients, bits, SLOPE, places([size], coefficients), states)).long())
    return _joined(bands, exact)


def _bits(band: KnownBand, exact: Tensor) -> Tensor:
    """Cost in bits of the `candidates` for coefficients (T, P): (6, T, d, h, w)."""
    values = torch.empty(len(SECOND), *exact.shape)
    for start, end, mixture_of in band.densities:
        own = (2 * candidates(exact[:, start:end])).long().flatten(1)
        for which in (0, 1):
            kinds = [kind for kind, second in enumerate(SECOND) if second == which]
            second = torch.full_like(own[0], which)
            index = index_of(own[kinds], second)
            edges = mixture_of(second).cumulative(torch.cat((index, index + 1)))
            frequency = torch.diff(edges.unflatten(0, (2, -1)), dim=0)[0].clamp(min=FLOOR)
            values[kinds, :, start:end] = bits_of(frequency).view(len(kinds), len(exact), -1)
    return torch.stack([band.wave.unsort(kind) for kind in values])


def _joined(bands: list[Tensor], like: Subbands) -> Subbands:
    """Join bands (T, d, h, w), given in coding order, to subbands of the size of `like`."""
    return Subbands.of_bands([band.unsqueeze(1) for band in bands], like.size)


def _bands(subbands: Subbands) -> list[Tensor]:
    """The bands (T, d, h, w) in coding order."""
    return [band for stack in subbands.level_stacks() for band in stack.unbind(dim=1)]


def _choose(band: KnownBand, exact: Tensor) -> Tensor:
    """Quantisation indices to code for a band whose coefficients are `exact` (T, P): (T, d, h, w) int64."""
    coded = band.values.clone()
    for start, end, mixture_of in band.densities:
        nearest, own = coded[:, start:end].flatten(), exact[:, start:end].flatten()
        coded[:, start:end] = _smaller_where_it_pays(nearest, own, mixture_of(None)).view(len(coded), -1)
    return band.wave.unsort(coded)


def _smaller_where_it_pays(q: Tensor, exact: Tensor, mixture: Mixture) -> Tensor:
    """The integers to code (rows,), given the nearest integers and the exact coefficients."""
    rows, coded = (q.abs() > exact.abs()).nonzero().squeeze(1), q.clone()
    if not len(rows):
        return coded
    nearest, exact = q[rows], exact[rows]
    smaller = nearest - nearest.sign()
    low = torch.minimum(nearest, smaller)
    cumulative = mixture.select(rows).cumulative(torch.stack((low, low + 1, low + 2)))
    below, above = bits_of(torch.diff(cumulative, dim=0).clamp(min=FLOOR))
    saved = torch.where(smaller < nearest, above - below, below - above)
    added = (exact - smaller).square() - (exact - nearest).square()
    coded[rows] = torch.where(added < HIGH_RATE_SLOPE * saved, smaller, nearest)
    return coded
