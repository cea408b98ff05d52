"""The whole codec: distortion follows the step, gradients reach everything, rates and metrics are consistent."""

import math

import pytest
import torch

from aiwave.errors import AiwaveError
from aiwave.models.post import NoPost, PostFilter
from aiwave.models.quantisation.rate import FixedRate, VariableRate
from aiwave.models.quantisation.rounding import straight_through_round
from aiwave.models.quantisation.slopes import HIGH_RATE_SLOPE
from tests.builders import codec, shake


def smooth(batch=2, side=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 128 + 5 * torch.randn(batch, 1, side, side, side, generator=generator).cumsum(2).cumsum(3)


def test_the_error_vanishes_with_the_step_and_the_rate_grows():
    model = codec()
    x = smooth()
    with torch.no_grad():
        results = [model(x, torch.full((2,), step)) for step in (0.01, 1.0, 16.0)]
    errors = [(r.x_hat - x).abs().max().item() for r in results]
    assert errors[0] < 0.05 < errors[1] < errors[2]
    rates = [r.bpp.mean().item() for r in results]
    assert rates[0] > rates[1] > rates[2] > 0


def test_high_rate_distortion_is_that_of_a_uniform_quantiser():
    model = codec("cdf97", post=False)
    x = 100 * torch.randn(1, 1, 32, 32, 32, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        mse = (model(x, torch.tensor([1.0])).x_hat - x).square().mean().item()
    assert mse == pytest.approx(1 / 12, rel=0.1)


@pytest.mark.parametrize("kind", ["additive", "affine"])
@pytest.mark.parametrize("entropy_kind", ["context", "factorized"])
@pytest.mark.parametrize("scale", [1.0, 16.0])
def test_gradients_of_every_component_are_finite(kind, entropy_kind, scale):
    model = codec(kind, entropy_kind)
    coded = model(scale * smooth(), torch.tensor([2.0, 20.0]))
    (coded.bpp.sum() + (coded.x_hat - scale * smooth()).square().mean()).backward()
    for name in ("transform", "entropy", "post"):
        gradients = [p.grad for p in model.get_submodule(name).parameters() if p.grad is not None]
        assert gradients
        assert all(torch.isfinite(g).all() for g in gradients)
        assert any(g.abs().max() > 0 for g in gradients)


def test_sizes_that_the_levels_do_not_divide_come_back_in_full():
    model = shake(codec())
    x = smooth(1)[:, :, :7, :5, :6]
    assert model(x, torch.ones(1)).x_hat.shape == x.shape


def test_the_post_filter_starts_as_the_identity_and_ignores_brightness():
    x, step = smooth(), torch.full((2,), 3.0)
    post = PostFilter(4, 1)
    assert torch.equal(post(x, step, step), x)
    assert torch.equal(NoPost()(x, step, step), x)
    shake(post, std=0.1)
    change = (post(x, step, step) - x).detach()
    assert change.abs().max() > 0.01
    torch.testing.assert_close((post(x + 64, step, step) - x - 64).detach(), change, rtol=1e-3, atol=1e-3)


def test_a_codec_of_one_lambda_has_no_other_quality():
    with pytest.raises(AiwaveError, match="lambda 9 only"):
        FixedRate(9.0).step_of(4.0)
    with pytest.raises(ValueError, match="needs a lambda"):
        FixedRate(None)
    with pytest.raises(ValueError, match="step_range"):
        VariableRate([2, 1], [1])


def test_rounding_is_to_integers_with_the_gradient_of_the_identity():
    x = torch.tensor([0.4, 0.6, -1.2], requires_grad=True)
    y = straight_through_round(x)
    y.sum().backward()
    assert y.tolist() == [0, 1, -1]
    assert x.grad.tolist() == [1, 1, 1]


def test_variable_rate_draws_steps_within_its_range_repeatably():
    rate = VariableRate([1.5, 24.0], [2, 4])
    draw = [rate.sample(1000, torch.Generator().manual_seed(5)) for _ in range(2)]
    step, lmbda = draw[0]
    assert torch.equal(step, draw[1][0])
    assert step.min() >= 1.5
    assert step.max() <= 24.0
    assert step.log().mean() == pytest.approx(math.log(6), abs=0.1)  # log-uniform: half the draws below the middle
    torch.testing.assert_close(lmbda, HIGH_RATE_SLOPE * step**2)


def test_fixed_rate_starts_at_the_step_whose_slope_is_lambda_and_can_be_trained():
    rate = FixedRate(9.0)
    step, lmbda = rate.sample(3, torch.Generator())
    assert HIGH_RATE_SLOPE * step[0].item() ** 2 == pytest.approx(9, rel=1e-5)
    assert lmbda.tolist() == [9, 9, 9]
    step.sum().backward()
    assert rate.log_step.grad is not None
    assert rate.qualities == [9.0]


def test_the_slope_is_the_derivative_of_the_high_rate_approximation():
    step, h = 3.0, 1e-6
    d_distortion = ((step + h) ** 2 - step**2) / 12
    d_rate = -math.log2((step + h) / step)
    assert -d_distortion / d_rate == pytest.approx(HIGH_RATE_SLOPE * step**2, rel=1e-4)
