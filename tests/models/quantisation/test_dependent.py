"""Dependent quantisation: the trellis, its two quantisers, and their coefficients in files."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwave.api import compress, decompress
from aiwave.bitstream import Model
from aiwave.bitstream.from_codec import model_file
from aiwave.bitstream.tile_codec import TileCodec
from aiwave.coding.band_coder import BandCoder
from aiwave.coding.constants import log_step_of
from aiwave.coding.encoder_choice import dependent
from aiwave.coding.to_integer.entropy_from_float import integer_model
from aiwave.errors import AiwaveError
from aiwave.models.codec import WaveletCodec
from aiwave.models.entropy import Laplace, LogisticMixture, MonotoneNet
from aiwave.models.post import NoPost
from aiwave.models.quantisation import trellis as trellis_module
from aiwave.models.quantisation.codes import POLYNOMIALS
from aiwave.models.quantisation.dependent import candidates, cell, chosen, halves_of, index_of, second_of
from aiwave.models.quantisation.rate import LosslessRate
from aiwave.models.quantisation.rounding import Rounding
from aiwave.models.quantisation.trellis import along, back, best_path, chains, trellis
from aiwave.models.rdo import dependent as dependent_float
from aiwave.models.subbands import Subbands
from tests.builders import dependent_codec, entropy, shake, transform
from tests.conftest import textured
from tests.files import from_arrays

STEP = log_step_of(4.5)
SIZES = st.tuples(*[st.integers(1, 21)] * 3)


@given(size=SIZES)
@settings(max_examples=40, deadline=None)
def test_chains_hold_every_position_once_and_each_in_a_later_front(size):
    chain = chains(size)
    exists = chain >= 0
    assert sorted(chain[exists].tolist()) == list(range(math.prod(size)))
    z, y, x = torch.unravel_index(chain.clamp(min=0), size)
    front = x + 2 * y + 4 * z
    assert bool(((front[:, 1:] > front[:, :-1]) | ~exists[:, 1:]).all())
    assert bool((exists[:, :-1] | ~exists[:, 1:]).all())  # nothing after a chain's end
    band = torch.arange(2 * math.prod(size)).view(2, *size)
    assert torch.equal(back(chain, along(chain, band), size), band)


@pytest.mark.parametrize("count", POLYNOMIALS)
def test_the_code_can_be_followed_back(count):
    """Every state is entered in two ways, and all can be reached from the first."""
    code, reached = trellis(count), {0}
    for _ in range(count):
        reached |= {int(state) for known in reached for state in code.next[known]}
    assert reached == set(range(count))
    for state, ways in enumerate(code.before.T.tolist()):
        assert len(set(ways)) == 2
        assert all(int(code.next[way // 2, way % 2]) == state for way in ways)


def test_eight_states_are_those_of_a_table():
    """With other numbers, but every path has the same quantisers."""
    first = [(0, 1), (3, 2), (5, 4), (6, 7), (1, 0), (2, 3), (4, 5), (7, 6)]
    same, code = {0: 0}, trellis(8)
    for _ in range(8):
        same |= {int(code.next[a, p]): first[b][p] for a, b in same.items() for p in (0, 1)}
    assert sorted(same) == sorted(same.values()) == list(range(8))
    for a, b in same.items():
        assert a % 2 == b % 2
        assert [same[int(state)] for state in code.next[a]] == list(first[b])


@given(
    rows=st.integers(1, 3),
    length=st.integers(1, 40),
    count=st.sampled_from(sorted(POLYNOMIALS)),
    seed=st.integers(0, 99),
)
@settings(max_examples=25, deadline=None)
def test_quantisers_of_long_chains_are_followed_and_the_same(rows, length, count, seed):
    parity = torch.randint(2, (rows, length), generator=torch.Generator().manual_seed(seed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trellis_module, "LONGEST", 0)
        followed = trellis(count).second(parity)
    assert torch.equal(followed, trellis(count).second(parity))


def test_quantisers_of_a_long_row_take_no_more_memory_than_its_length():
    ones = second_of(torch.ones(1, 1, 60_000, dtype=torch.int64), 8)  # the square of its length would be 29 GB
    assert ones.shape == (1, 1, 60_000)
    assert 0 < int(ones.sum()) < 60_000


@pytest.mark.parametrize("size", [(1, 1, 60_000), (1, 700, 700), (3000, 1, 2)])
def test_chains_of_thin_bands_take_no_more_than_these(size):
    chain = chains(size)
    assert chain.numel() < 4 * math.prod(size)
    assert int((chain >= 0).sum()) == math.prod(size)


@given(seed=st.integers(0, 10**6), length=st.integers(1, 8), count=st.sampled_from([8, 64]), work=st.integers(1, 5000))
@settings(max_examples=25, deadline=None)
def test_the_best_path_is_the_best_of_all_paths(seed, length, count, work):
    cost, code = torch.rand(length, 4, 3, generator=torch.Generator().manual_seed(seed)), trellis(count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trellis_module, "WORK", {"cpu": work})  # so few chains at once
        states, parities = best_path(cost, code)
    for row in range(3):
        totals = {}
        for path in product((0, 1), repeat=length):
            state, total = 0, 0.0
            for place, parity in enumerate(path):
                total += float(cost[place, 2 * (state % 2) + parity, row])
                state = int(code.next[state, parity])
            totals[path] = total
        best = tuple(parities[:, row].tolist())
        assert totals[best] == pytest.approx(min(totals.values()), abs=1e-5)
        state = 0
        for place, parity in enumerate(best):
            assert int(states[place, row]) == state
            state = int(code.next[state, parity])


@pytest.mark.parametrize(("states", "least", "most"), [(8, 1.0, 1.1), (64, 1.12, 1.27), (256, 1.19, 1.33)])
def test_at_high_rate_it_gains_what_the_literature_says(states, least, most):
    """On a uniform source 1.1, 1.27, 1.33 dB in long chains (Marcellin and Fischer, 1990, table I), of 1.53."""
    exact = 200 * (torch.rand(32, 32, 32, generator=torch.Generator().manual_seed(0)) - 0.5)
    free = torch.zeros(6, *exact.shape)
    error = (chosen(exact, free, 0.0, torch.ones(1, dtype=torch.bool), states) - exact).square().mean()
    assert least < 10 * math.log10(1 / 12 / float(error)) < most


def test_cells_cover_the_line_once():
    """Of both quantisers, and each holds the numbers that are nearest to its coefficient, zero's half as wide."""
    index = torch.arange(-6, 7)
    for which in (0, 1):
        second = torch.full_like(index, which)
        values = halves_of(index, second) / 2
        centre, half = cell(values, second)
        torch.testing.assert_close((centre + half)[:-1], (centre - half)[1:])
        assert torch.equal(index_of((2 * values).long(), second), index)
        if which == 0:
            assert torch.equal(values, index.float())
        else:
            assert values[5:8].tolist() == [-0.5, 0.0, 0.5]


@pytest.mark.parametrize("density", [LogisticMixture(3), Laplace(), MonotoneNet()])
@pytest.mark.parametrize("which", [0, 1])
def test_the_probabilities_of_a_quantiser_add_up_to_one(density, which):
    index = torch.arange(-400, 401)
    second = torch.full_like(index, which)
    centre, half = (x.double().view(1, 1, 1, 1, -1) for x in cell(halves_of(index, second).double() / 2, second))
    parameters = 0.5 * torch.randn(density.size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    parameters = parameters.expand(1, 1, 1, 1, 801, -1)
    step = torch.tensor([9.0], dtype=torch.float64)
    bits = density.bits(centre, parameters, torch.full_like(centre, 0.3), step, half)
    assert float((2.0**-bits).sum()) == pytest.approx(1, abs=2e-3 if isinstance(density, MonotoneNet) else 1e-6)


@given(x=st.floats(-50, 50))
def test_candidates_are_the_nearest_of_their_kind(x):
    index = torch.arange(-120, 121)
    got = candidates(torch.tensor(x, dtype=torch.float64)).tolist()
    for which, parity in product((0, 1), (0, 1)):
        kind = index[index % 2 == parity]
        values = halves_of(kind, torch.full_like(kind, which)).double() / 2
        best = float((values - x).abs().min())
        assert abs(got[2 * which + parity] - x) == pytest.approx(best, abs=1e-9)
    assert got[4:] == [0, 0]


KINDS = [{"sharing": "isotropic"}, {"sharing": "sections", "states": 64}, {"oriented": True, "states": 256}]


@pytest.fixture(scope="module", params=KINDS, ids=str)
def models(request):
    torch.manual_seed(0)
    model = shake(entropy("context", dependent=True, **request.param), std=0.05).eval()
    shake(model.second_head, 3, std=0.3)
    shake(model.second_mix, 4, std=0.3)
    return model, BandCoder(integer_model(model))


def noise(size, tiles=2, spread=2.0, seed=0):
    """Real coefficients of two levels of a volume (D, H, W)."""
    x = 10 * spread * torch.randn(tiles, 1, *size, generator=torch.Generator().manual_seed(seed))
    return transform("cdf97")(x + 10).map(lambda band: band / 10)


def equal(a, b):
    return all(torch.equal(x, y) for x, y in zip(parts(a), parts(b), strict=True))


def parts(q):
    return [q.approx, *q.details]


@given(size=SIZES, tiles=st.integers(1, 3), spread=st.sampled_from([0.2, 3.0, 1e4]), looks=st.integers(0, 2))
@settings(max_examples=12, deadline=None)
def test_what_is_decoded_is_what_was_encoded(models, size, tiles, spread, looks):
    coder = models[1]
    with torch.no_grad():
        q = dependent(coder, noise(size, tiles, spread), STEP, looks)
    assert equal(q, q.existing())
    segments = coder.encode(q, STEP)
    assert equal(coder.decode(segments, size, STEP), q)
    coarse = [tile[:8] for tile in segments]
    assert equal(coder.decode(coarse, size, STEP, levels=1), Subbands(q.approx, q.details[:1], q.splits[0]))
    alone = coder.encode(q.map(lambda band: band[-1:]), STEP)
    assert alone == segments[-1:]


@torch.no_grad()
def test_integers_cost_hardly_more_than_the_float_model_and_as_much_as_they_take(models):
    model, coder = models
    q = dependent(coder, noise((23, 24, 21)), STEP, 1)
    estimate = float(model(q.map(lambda band: band.float() / 2), torch.full((2,), 4.5)).sum())
    bits = float(coder.bits(q, STEP).sum())
    assert 0.99 * estimate < bits < 1.01 * estimate
    real = 8 * sum(len(segment) for tile in coder.encode(q, STEP) for segment in tile)
    assert bits < real < 1.01 * bits + 16 * 30


@torch.no_grad()
def test_weighing_bits_lowers_the_cost_and_needs_no_coefficient_far_away(models):
    coder, exact = models[1], noise((24, 24, 24))
    q = {looks: dependent(coder, exact, STEP, looks) for looks in (0, 1, 2)}
    errors = {
        k: sum((a / 2 - b).square().sum() for a, b in zip(parts(v), parts(exact), strict=True)) for k, v in q.items()
    }
    cost = {k: float(errors[k]) + 0.63 * math.log(2) / 6 * float(coder.bits(v, STEP).sum()) for k, v in q.items()}
    assert cost[1] < cost[0]
    assert not equal(q[1], q[2])
    assert cost[2] < min(cost[0], 1.001 * cost[1])
    for values, own in zip(parts(q[2]), parts(exact), strict=True):
        near = (values / 2 - own).abs() <= 1.5
        assert bool((near | (values == 0)).all())


@torch.no_grad()
def test_integer_and_float_encoders_choose_alike(models):
    model, coder = models
    exact = noise((24, 20, 24))
    ours = dependent(coder, exact, STEP, 1)
    floats = dependent_float(model, exact, torch.full((2,), math.exp(STEP / 256)), 1)
    same = [(a == 2 * b).float().mean() for a, b in zip(parts(ours), parts(floats), strict=True)]
    assert min(same) > 0.9


@torch.no_grad()
def test_what_does_not_exist_costs_nothing_and_a_tile_does_not_depend_on_others(models):
    coder, exact = models[1], noise((9, 17, 15), tiles=3)
    free = torch.zeros(6, *exact.details[1].shape)
    exists = torch.zeros(1, 1, *exact.details[1].shape[2:], dtype=torch.bool)
    exists[..., :4, :, :] = True
    costs = torch.where(exists, free, torch.rand(free.shape))
    a, b = (chosen(exact.details[1], cost, 1.0, exists, 8) for cost in (free, costs))
    assert torch.equal(a, b)
    for looks in (0, 2):
        together = dependent(coder, exact, STEP, looks)
        alone = dependent(coder, exact.map(lambda band: band[1:2]), STEP, looks)
        assert equal(together.map(lambda band: band[1:2]), alone)


@pytest.mark.parametrize(
    "change",
    [
        {"second_mix": None},
        {"second_head": np.zeros((16, 7), np.int64)},
        {"second_mix": np.zeros((1, 8), np.int64)},
        {"second_mix": np.full((16, 8), -(2**63))},
        {"fraction": 13},
        {"limit": 2**23},
        {"band": np.zeros((1, 8), np.int64)},
        {"trellis": None},
        {"trellis": 16},
        {"trellis": 64.0},
        {"trellis": True},
    ],
    ids=str,
)
def test_parts_that_do_not_fit_are_refused(models, change):
    with pytest.raises(ValueError, match=r"fit|missing|out of range"):
        replace(integer_model(models[0]), **change)


def test_only_dependent_models_have_a_trellis():
    with pytest.raises(ValueError, match="only dependent quantisation"):
        replace(integer_model(entropy("context")), trellis=64)
    with pytest.raises(ValueError, match="only dependent quantisation"):
        entropy("context", states=64)
    with pytest.raises(ValueError, match="no trellis has 16 states: choose one of 8, 64, 256"):
        entropy("context", dependent=True, states=16)


@pytest.mark.parametrize(("training", "rounding", "looks"), [(True, True, 1), (False, True, 1), (False, False, 0)])
def test_encoders_look_once_in_training_and_after_it(monkeypatch, training, rounding, looks):
    seen = []
    monkeypatch.setattr("aiwave.models.codec.dependent", lambda *given: seen.append(given[-1]))
    codec = dependent_codec(Rounding(rate_distortion=rounding)).train(training)
    codec.analyse(torch.zeros(1, 1, 8, 8, 8), torch.tensor([2.0]))
    assert seen == [looks]


@pytest.mark.parametrize("optimise", [True, False])
def test_files_are_made_as_evaluated(monkeypatch, optimise):
    seen = []
    model = Model.from_bytes(model_file(dependent_codec(), "d"))
    monkeypatch.setattr(model.engine, "quantised", lambda *given: seen.append(given[-1]))
    TileCodec(model, 256, False, optimise).analyse([np.zeros((8, 8, 8))])
    assert seen == [int(optimise)]


def test_a_model_survives_its_file(models):
    again = from_arrays(integer_model(models[0]))
    assert again.dependent
    assert again.states == models[1].model.states == models[0].states


@pytest.mark.parametrize("states", POLYNOMIALS)
@torch.no_grad()
def test_quantisers_follow_from_the_coefficients_in_raster_order(states):
    """A plain loop over chains says the same as everything else here."""
    model = integer_model(entropy("context", dependent=True, states=states))
    q = dependent(BandCoder(model), noise((16, 20, 12), 1), STEP, 0)
    band = q.details[1][0, 2]
    second = second_of(band, states)
    for chain in chains(tuple(band.shape)).tolist():
        state = 0
        for place in chain:
            if place < 0:
                break
            half = int(band.flatten()[place])
            assert int(second.flatten()[place]) == state % 2
            assert half % 2 == 0 if state % 2 == 0 else half % 2 == 1 or half == 0
            index = half // 2 if state % 2 == 0 else (half + (half > 0) - (half < 0)) // 2
            state = int(trellis(states).next[state, index % 2])


def test_files_come_back_as_estimated_and_the_steps_are_coarser_than_the_error():
    torch.manual_seed(0)
    codec = shake(dependent_codec(), std=0.02).eval()
    model = Model.from_bytes(model_file(codec, "dependent"))
    volume = textured((20, 23, 26), 0)
    x = torch.from_numpy(volume.astype(np.float32))[None, None]
    for step in (3.0, 9.0):
        data = compress(volume, model, step=step, tile=64, model_only=True)
        decoded = decompress(data, model=model)
        with torch.no_grad():
            q = codec.analyse(x, torch.tensor([step]))
            estimate = codec.synthesise(q, torch.tensor([step])).round().clamp(0, 255)
        error, expected = (float(np.square(y - volume.astype(float)).mean()) for y in (decoded, estimate[0, 0].numpy()))
        assert error == pytest.approx(expected, rel=0.02)
        assert error < step**2 / 12
    preview = decompress(data, model=model, level=1)
    assert abs(float(preview.mean()) - float(volume.mean())) < 3


def test_it_is_for_lossy_coding():
    model = Model.from_bytes(model_file(dependent_codec(), "d"))
    with pytest.raises(AiwaveError, match="only lossily"):
        compress(textured((8, 8, 8), 0), model, lossless=True)
    with pytest.raises(AiwaveError, match="cannot code losslessly"):
        model_file(dependent_codec(), "d", lossless=True)
    reversible = transform("cdf53", reversible=True)
    with pytest.raises(ValueError, match="lossy coding"):
        WaveletCodec(reversible, LosslessRate(), entropy("context", dependent=True), NoPost())
    with pytest.raises(ValueError, match="lossy coding"):
        dependent_codec(Rounding(soft_share=0.5))
    for options in ({"reversible": True}, {"short_context": False}):
        with pytest.raises(ValueError, match="needs short_context"):
            entropy("context", dependent=True, **options)


def test_training_lowers_what_the_trellis_costs():
    torch.manual_seed(0)
    codec = dependent_codec().train()
    x = torch.from_numpy(textured((16, 16, 16), 0).astype(np.float32))[None, None]
    optimiser = torch.optim.Adam(codec.parameters(), lr=1e-2)
    losses = []
    for _ in range(15):
        optimiser.zero_grad()
        bits = codec(x, torch.tensor([6.0])).bits.sum()
        bits.backward()
        optimiser.step()
        losses.append(float(bits.detach()))
    assert losses[-1] < 0.8 * losses[0]
    for table in (codec.entropy.second_head, codec.entropy.second_mix):
        assert bool(table.scaled.grad.any())
    assert isinstance(codec.analyse(x, torch.tensor([6.0])), Subbands)
