"""An encoder may code less than the nearest integers where bits are worth more."""

import pytest
import torch

from aiwave.coding.band_coder import BandCoder
from aiwave.coding.constants import log_step_of
from aiwave.coding.encoder_choice import optimised
from aiwave.coding.to_integer.entropy_from_float import integer_model
from aiwave.models.quantisation.slopes import HIGH_RATE_SLOPE
from aiwave.models.subbands import Subbands
from tests.builders import entropy, shake

STEP = log_step_of(4.5)


@pytest.fixture(scope="module", params=["context", "factorized"])
def coder(request):
    torch.manual_seed(0)
    return BandCoder(integer_model(shake(entropy(request.param)).eval()))


def laplacian(tiles=2, spread=1.0):
    """Subbands as those of images: most coefficients small."""
    generator = torch.Generator().manual_seed(1)

    def band(count, side):
        uniform = torch.rand(tiles, count, side, side, side, generator=generator) - 0.5
        return -spread * uniform.sign() * torch.log1p(-2 * uniform.abs())

    return Subbands(band(1, 4) + 30, (band(7, 4), band(7, 8)))


def parts(q):
    return [q.approx, *q.details]


def cost(coder, q, exact):
    """Squared error plus what the bits are worth, with the contexts that a decoder will have."""
    error = sum(float((a - b).square().sum()) for a, b in zip(parts(q), parts(exact), strict=True))
    return error + HIGH_RATE_SLOPE * float(coder.bits(q, STEP).sum())


def test_the_cost_falls_and_nothing_moves_but_one_step_towards_zero(coder):
    exact = laplacian()
    nearest = exact.map(lambda band: torch.round(band).long())
    chosen = optimised(coder, exact, STEP)
    moved = 0
    for a, b in zip(parts(chosen), parts(nearest), strict=True):
        assert a.dtype == torch.int64
        assert bool(((a == b) | (a == b - b.sign())).all())
        moved += int((a != b).sum())
    assert moved > 0
    assert cost(coder, chosen, exact) < cost(coder, nearest, exact)


@pytest.mark.parametrize("tiles", [1, 2])
def test_integers_stay_as_they_are(coder, tiles):
    exact = laplacian(tiles, spread=5.0).map(torch.round)
    chosen = optimised(coder, exact, STEP)
    assert all(torch.equal(a.float(), b) for a, b in zip(parts(chosen), parts(exact), strict=True))


def test_a_tile_does_not_depend_on_the_others(coder):
    exact = laplacian(tiles=3)
    together = optimised(coder, exact, STEP)
    alone = optimised(coder, exact.map(lambda band: band[1:2]), STEP)
    assert all(torch.equal(a[1:2], b) for a, b in zip(parts(together), parts(alone), strict=True))


def test_bands_larger_than_what_is_worked_on_at_once(coder):
    exact = Subbands(torch.zeros(1, 1, 12, 12, 12), (torch.zeros(1, 7, 12, 12, 12), torch.zeros(1, 7, 24, 24, 24)))
    chosen = optimised(coder, exact, STEP)
    assert all(not bool(part.any()) for part in parts(chosen))
