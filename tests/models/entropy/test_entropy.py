"""Entropy models: proper densities, causality, agreement with closed forms."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwave.models.conv import CausalConv3d
from aiwave.models.entropy import Laplace, LogisticMixture, MonotoneNet
from aiwave.models.entropy.density import mixture_bits
from aiwave.models.entropy.prediction import BandPredictor
from aiwave.models.subbands import Subbands
from tests.builders import entropy, shake, transform


def integers(levels=2, side=4, seed=0, batch=1, spread=3.0):
    """Random quantised subbands whose coarsest bands are `side` wide."""
    generator = torch.Generator().manual_seed(seed)

    def band(count, level):
        shape = (batch, count, *[side << level] * 3)
        return torch.round(spread * torch.randn(shape, generator=generator, dtype=torch.float64))

    return Subbands(20 * band(1, 0), tuple(band(7, level) for level in range(levels)))


@settings(deadline=None)
@given(
    means=st.lists(st.floats(-5, 5), min_size=2, max_size=2),
    log_scales=st.lists(st.floats(-3, 1), min_size=2, max_size=2),
    logits=st.lists(st.floats(-3, 3), min_size=2, max_size=2),
)
def test_the_mixture_is_a_density_over_the_integers(means, log_scales, logits):
    q = torch.arange(-200.0, 201, dtype=torch.float64)
    parameters = [torch.tensor(p, dtype=torch.float64).expand(401, 2) for p in (logits, means, log_scales)]
    assert torch.exp2(-mixture_bits(q, *parameters)).sum() == pytest.approx(1, abs=1e-9)


def test_one_logistic_matches_its_closed_form_and_far_tails_do_not_underflow():
    zero = torch.zeros(1, 1, dtype=torch.float64)
    p0 = 1 / (1 + math.exp(-0.5)) - 1 / (1 + math.exp(0.5))
    assert mixture_bits(zero[0], zero, zero, zero).item() == pytest.approx(-math.log2(p0), rel=1e-12)
    far = mixture_bits(torch.full((1,), 1e5), *[zero.float()] * 3)
    assert far.item() == pytest.approx((1e5 - 0.5 - math.log(1 - math.exp(-1))) / math.log(2), rel=1e-4)


@pytest.mark.parametrize("include_centre", [False, True])
def test_a_causal_convolution_sees_exactly_the_taps_before(include_centre):
    conv = CausalConv3d(1, 1, include_centre)
    torch.nn.init.ones_(conv.weight)
    torch.nn.init.zeros_(conv.bias)
    impulse = torch.zeros(1, 1, 5, 5, 5)
    impulse[0, 0, 2, 2, 2] = 1
    reached = conv(impulse)[0, 0].round().bool().nonzero().tolist()
    neighbours = [[z, y, x] for z in (2, 3) for y in (1, 2, 3) for x in (1, 2, 3)]
    expected = [p for p in neighbours if p > [2, 2, 2] or (include_centre and p == [2, 2, 2])]
    assert reached == expected
    assert len(expected) == 13 + include_centre


def in_coding_order(parts):
    """Every coefficient, level by level and band by band."""
    return torch.cat([part[0].flatten() for part in parts])


def with_one_changed(q, place):
    """The same subbands but for the coefficient at `place` in coding order."""
    tensors = [q.approx.clone(), *(level.clone() for level in q.details)]
    for tensor in tensors:
        if place < tensor.numel():
            tensor.view(-1)[place] += 5
            break
        place -= tensor.numel()
    return Subbands(tensors[0], tuple(tensors[1:]))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("context", {}),
        ("context", {"long_context": False}),
        ("context", {"short_context": False}),
        ("context", {"dependent": True}),
        ("context", {"oriented": True}),
        ("context", {"magnitudes": True}),
        ("published", {}),
        ("published", {"long_context": False}),
        ("published", {"short_context": False}),
    ],
)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), place=st.integers(0, 8 * 64 - 1))
def test_no_probability_depends_on_a_later_coefficient(kind, options, seed, place):
    """Change one coefficient: everything before it in coding order keeps its code length."""
    model = shake(entropy(kind, **options), seed, std=0.2).double()
    q = integers(side=2, seed=seed)
    step = torch.tensor([3.0], dtype=torch.float64)
    before, after = (in_coding_order(model.coefficient_bits(p, step)) for p in (q, with_one_changed(q, place)))
    assert before.numel() == 8 * 64
    assert torch.equal(before[:place], after[:place])
    assert before[place] != after[place]


@pytest.mark.parametrize(("magnitudes", "seen"), [(False, True), (True, False)])
def test_with_magnitudes_other_bands_of_a_level_do_not_see_signs(magnitudes, seen):
    """Turn the signs of a band of the last level: its own bits change, those of later bands only without the option."""
    model = shake(entropy("context", magnitudes=magnitudes), std=0.2).double()
    q = integers(side=2)
    turned = q.details[-1].clone()
    turned[:, 2] *= -1
    step = torch.tensor([3.0], dtype=torch.float64)
    before = model.coefficient_bits(q, step)[-1]
    after = model.coefficient_bits(Subbands(q.approx, (*q.details[:-1], turned)), step)[-1]
    changed = [not torch.equal(a, b) for a, b in zip(before.unbind(1), after.unbind(1), strict=True)]
    assert changed == [False, False, True, *[seen] * 4]


@pytest.mark.parametrize("kind", ["context", "published"])
@pytest.mark.parametrize(("options", "reaches"), [({"short_context": False}, False), ({}, True)])
def test_without_short_context_a_band_does_not_look_at_itself(kind, options, reaches):
    """Change the first coefficient of the last band: only its own code length follows."""
    model = shake(entropy(kind, **options), std=0.2).double()
    q = integers(side=2)
    first = 8 * 64 - 64  # of HHH1, the last band
    step = torch.tensor([3.0], dtype=torch.float64)
    before, after = (in_coding_order(model.coefficient_bits(p, step)) for p in (q, with_one_changed(q, first)))
    assert before[first] != after[first]
    assert (not torch.equal(before[first + 1 :], after[first + 1 :])) == reaches


@pytest.mark.parametrize(("options", "reaches"), [({"long_context": False}, False), ({}, True)])
def test_without_long_context_bands_do_not_know_of_each_other(options, reaches):
    model = shake(entropy("context", **options), std=0.2).double()
    q = integers(side=2)
    step = torch.tensor([3.0], dtype=torch.float64)
    before, after = (model(p, step)[0] for p in (q, with_one_changed(q, 8)))  # the first coefficient of HLL2
    assert before[1] != after[1]
    assert (not torch.equal(before[2:], after[2:])) == reaches


@pytest.mark.parametrize("density", [LogisticMixture(2), Laplace(), MonotoneNet()])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**16), centre=st.floats(-3, 3), step=st.floats(1, 30))
def test_every_density_is_one_over_the_integers(density, seed, centre, step):
    reach = 3000
    generator = torch.Generator().manual_seed(seed)
    parameters = torch.randn(density.size, generator=generator, dtype=torch.float64)
    q = torch.arange(-float(reach), reach + 1, dtype=torch.float64).view(1, 1, 1, 1, -1)
    bits = density.bits(q, parameters.expand(*q.shape, -1), torch.full_like(q, centre), torch.tensor([step]).double())
    assert bits.shape == q.shape
    assert (bits >= 0).all()
    assert torch.exp2(-bits).sum().item() == pytest.approx(1, abs=1e-4)


def test_a_laplace_coefficient_matches_its_closed_form():
    q = torch.tensor([0.0, 1.0, 40.0], dtype=torch.float64).view(1, 1, 1, 1, 3)
    zero = torch.zeros(1, 1, 1, 1, 3, 2, dtype=torch.float64)
    bits = Laplace().bits(q, zero, torch.zeros_like(q), torch.ones(1)).flatten().tolist()
    inner, outer = 1 - math.exp(-0.5), math.sinh(0.5)
    expected = [-math.log2(inner), -math.log2(math.exp(-1) * outer), 40 / math.log(2) - math.log2(outer)]
    assert bits == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kind", ["context", "factorized", "published"])
def test_bits_are_positive_finite_and_per_band(kind):
    model = entropy(kind).double()
    bits = model(integers(batch=2), torch.tensor([2.0, 9.0], dtype=torch.float64))
    assert bits.shape == (2, 15)
    assert torch.isfinite(bits).all()
    assert (bits > 0).all()


@pytest.mark.parametrize("kind", ["context", "factorized", "published"])
@pytest.mark.parametrize("levels", [1, 3])
def test_any_number_of_levels(kind, levels):
    bits = entropy(kind, levels)(integers(levels, side=2).map(torch.Tensor.float), torch.tensor([2.0]))
    assert bits.shape == (1, 1 + 7 * levels)


def test_volumes_of_a_batch_do_not_influence_each_other():
    model = shake(entropy("context"), std=0.1).double()
    both = integers(batch=2)
    step = torch.tensor([2.0, 9.0], dtype=torch.float64)
    together = model(both, step)
    for k in range(2):
        alone = model(both.map(lambda band, k=k: band[k : k + 1]), step[k : k + 1])
        torch.testing.assert_close(alone[0], together[k])


def test_the_coarsest_band_is_predicted_from_its_neighbours():
    predictor = BandPredictor(8)
    ramp = torch.full((1, 8, 4, 4, 4), 30.0)
    predicted = predictor(ramp, torch.arange(8))
    assert predicted[0, 0, 1:, 1:, 1:].sub(30).abs().max() < 1e-4
    assert predicted[0, 1:].abs().max() == 0


def test_context_learns_structure_that_a_factorized_model_cannot():
    """Bands that repeat their neighbour cost next to nothing once learned."""
    torch.manual_seed(0)
    columns = torch.round(4 * torch.randn(4, 7, 4, 4, 1))
    q = Subbands(torch.zeros(4, 1, 2, 2, 2), (torch.zeros(4, 7, 2, 2, 2), columns.expand(-1, -1, -1, -1, 4)))
    final = {}
    for kind in ("context", "factorized"):
        model = entropy(kind, channels=16)
        optimizer = torch.optim.Adam(model.parameters(), 1e-2)
        for _ in range(60):
            loss = model(q, torch.full((4,), 4.0)).sum() / q.details[1].numel()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        final[kind] = loss.item()
    assert final["context"] < 0.8 * final["factorized"]


@pytest.mark.parametrize("kind", ["context", "published", "factorized"])
def test_what_bands_do_not_have_costs_nothing(kind):
    model = entropy(kind)
    x = torch.randn(2, 1, 9, 7, 12, generator=torch.Generator().manual_seed(0)) * 20
    q = transform("cdf97")(x).map(torch.round)
    bits = model.coefficient_bits(q, torch.full((2,), 4.0))
    bands = [band for each in bits for band in each.unbind(dim=1)]
    for band, (depth, height, width) in zip(bands, q.band_sizes(), strict=True):
        inside = torch.zeros_like(band, dtype=torch.bool)
        inside[:, :depth, :height, :width] = True
        assert (band[~inside] == 0).all()
        assert (band[inside] > 0).all()
    sum(band.sum() for band in bands).backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
