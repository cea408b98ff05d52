"""Rounding in training and coding, and steps of their own for the bands."""

import math

import pytest
import torch

from aiwave.models.entropy import FactorizedEntropy, LogisticMixture
from aiwave.models.quantisation.rate import FixedRate
from aiwave.models.quantisation.rounding import Rounding
from aiwave.models.subbands import Subbands
from tests.builders import codec, shake, transform


def begun(soft_share, done, training=True):
    rounding = Rounding(soft_share).train(training)
    rounding.begin_step(done, torch.Generator().manual_seed(1))
    return rounding


@pytest.mark.parametrize(
    ("soft_share", "done", "soft"),
    [(0, 0, False), (0, 0.9, False), (1, 0, True), (1, 0.99, True), (0.5, 0.49, True), (0.5, 0.5, False)],
)
def test_the_share_of_a_stage_decides_between_noise_and_rounding(soft_share, done, soft):
    x = torch.full((10_000,), 2.3)
    y = begun(soft_share, done)(x)
    if soft:
        assert (y - x).abs().max() <= 0.5
        assert y.std().item() == pytest.approx(math.sqrt(1 / 12), rel=0.03)
        assert y.mean().item() == pytest.approx(2.3, abs=0.02)
    else:
        assert (y == 2).all()


def test_evaluation_always_rounds_and_noise_follows_its_generator():
    x = 10 * torch.rand(100)
    assert torch.equal(begun(1, 0, training=False)(x), x.round())
    assert torch.equal(begun(1, 0)(x), begun(1, 0.5)(x))


@pytest.mark.parametrize("soft_share", [0, 1])
def test_the_gradient_is_that_of_the_identity(soft_share):
    x = torch.tensor([0.4, 0.6, -1.2], requires_grad=True)
    begun(soft_share, 0)(x).sum().backward()
    assert x.grad.tolist() == [1, 1, 1]


def test_a_share_outside_0_to_1_is_refused():
    with pytest.raises(ValueError, match="soft_share"):
        Rounding(1.5)


def test_bands_with_steps_of_their_own_are_quantised_by_them():
    model = codec("cdf97", "factorized", post=False, per_band=True).eval()
    x = 100 * torch.randn(1, 1, 16, 16, 16, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        model.rate.log_factor[14] = math.log(1000)  # the last band, HHH1
        q = model.analyse(x, torch.tensor([2.0]))
        coefficients = model.transform(x)
        assert torch.equal(q.details[1][:, :6], (coefficients.details[1][:, :6] / 2).round())
        assert q.details[1][:, 6].abs().max() == 0
        torch.testing.assert_close(model.synthesise(q, torch.tensor([2.0])), restored(q))


def restored(q):
    """The inverse of bands all dequantised with step 2."""
    return transform("cdf97").inverse(Subbands(q.approx * 2, tuple(level * 2 for level in q.details)))


@pytest.mark.parametrize("kind", ["context", "factorized", "published"])
def test_equal_factors_are_the_same_as_another_step(kind):
    one, other = (codec("affine", kind, per_band=flag) for flag in (False, True))
    other.load_state_dict(shake(one).state_dict(), strict=False)
    other.rate.log_factor.data.fill_(math.log(1.5))
    x = 100 * torch.randn(1, 1, 16, 16, 16)
    with torch.no_grad():
        alone, scaled = one.analyse(x, torch.tensor([6.0])), other.analyse(x, torch.tensor([4.0]))
        torch.testing.assert_close(
            one.code_length(alone, torch.tensor([6.0])),
            other.code_length(scaled, torch.tensor([4.0])),
            rtol=1e-3,
            atol=1,
        )


@pytest.mark.parametrize("kind", ["context", "factorized", "published"])
def test_factors_of_bands_are_trained(kind):
    model = shake(codec("additive", kind, per_band=True))
    x = 100 * torch.randn(2, 1, 8, 8, 8)
    coded = model(x, torch.tensor([2.0, 20.0]))
    (coded.bpp.sum() + (coded.x_hat - x).square().mean()).backward()
    assert model.rate.log_factor.grad.isfinite().all()
    assert model.rate.log_factor.grad.abs().min() > 0


def test_a_factorized_density_knows_the_step_of_its_own_band_only():
    model = shake(FactorizedEntropy(1, 16, 1, LogisticMixture(2)), std=0.3).double()
    q = Subbands(torch.ones(1, 1, 2, 2, 2).double(), (torch.ones(1, 7, 2, 2, 2).double(),))
    steps = torch.full((1, 8), 3.0, dtype=torch.float64)
    changed = steps.clone()
    changed[0, 5] = 9
    with torch.no_grad():
        assert (model(q, steps) != model(q, changed)).nonzero().tolist() == [[0, 5]]


def test_a_fixed_rate_may_start_at_a_step():
    assert FixedRate(9.0, initial_step=3.5).step_of(9.0).item() == pytest.approx(3.5)


def test_rate_distortion_rounding_pays_and_only_moves_towards_zero():
    from aiwave.models.quantisation.slopes import HIGH_RATE_SLOPE

    model = codec("cdf97", "context", post=False).eval()
    shake(model.entropy, std=0.2)
    x = 40 * torch.randn(2, 1, 16, 16, 16, generator=torch.Generator().manual_seed(3))
    step = torch.tensor([8.0, 20.0])
    with torch.no_grad():
        nearest = model.analyse(x, step)
        model.rounding = Rounding(rate_distortion=True)
        chosen = model.analyse(x, step)
        exact = model.transform(x).map_with(torch.div, model.rate.band_steps(step))
        moved = 0
        for (values, bits), other, real in zip(
            model.entropy.densities(nearest, model.rate.band_steps(step)),
            chosen.level_stacks(),
            exact.level_stacks(),
            strict=True,
        ):
            assert ((other == values) | (other == values - values.sign())).all()
            assert (other == values)[values.abs() <= real.abs()].all()
            before = HIGH_RATE_SLOPE * bits(values) + (real - values).square()
            after = HIGH_RATE_SLOPE * bits(other) + (real - other).square()
            assert (after <= before + 1e-4).all()
            moved += int((other != values).sum())
    assert moved > 100


def test_rate_distortion_rounding_passes_the_gradient_unchanged():
    model = codec("additive", "context", post=False)
    model.rounding = Rounding(rate_distortion=True)
    x = 40 * torch.randn(1, 1, 16, 16, 16)
    step = torch.tensor([4.0])
    gains = [parameter for name, parameter in model.transform.named_parameters() if "gain" in name]
    sums = []
    for rounded in (model.analyse(x, step), model.transform(x).map(lambda band: band / 4)):
        total = rounded.approx.sum() + sum(level.sum() for level in rounded.details)
        sums.append(torch.autograd.grad(total, gains))
    for a, b in zip(*sums, strict=True):
        torch.testing.assert_close(a, b)
