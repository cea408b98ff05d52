"""The integer path against independent references: the same numbers whatever computes them."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwave.coding.coarse_context import coarse_inputs, in_fixed_point, squash, synthesise_level
from aiwave.coding.constants import CENTRE
from aiwave.coding.context_state import ContextCoding
from aiwave.coding.exact_tables import (
    asinh_thresholds,
    exp_fixed,
    laplace_cdf,
    logistic_cdf,
    scale_tables,
    softmax_weights,
)
from aiwave.coding.integer_layer import IntegerLayer
from aiwave.coding.integer_mixture import mixture as mixture_of
from aiwave.coding.symbols import BINS, bin_table, choose_bins
from aiwave.coding.to_integer.entropy_from_float import integer_context, integer_density
from aiwave.coding.to_integer.rounded_layer import quantised_layer
from aiwave.coding.wavefront import schedule, wavefront
from aiwave.models.bands import band_size
from aiwave.models.entropy import Laplace, LogisticMixture
from aiwave.models.post import local_mean
from aiwave.models.subbands import Subbands
from aiwave.models.transform.wavelet_transform import WaveletTransform
from tests.builders import entropy, shake

SIZES = st.tuples(*[st.integers(1, 6)] * 3)


@pytest.fixture
def layer():
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(32, 448, generator=generator)
    return quantised_layer(weight, torch.randn(32, generator=generator), (5, 5), limit=2047)


def inputs(layer, rows=300):
    generator = torch.Generator().manual_seed(1)
    x = torch.randint(0, layer.limit + 1, (rows, len(layer.weight)), generator=generator)
    x[0] = layer.limit
    worst = torch.from_numpy(layer.weight[:, 0] > 0)
    x[1] = worst * layer.limit
    return x


def reference(layer, x):
    """In integers of 64 bits."""
    weight, bias, shift = (torch.from_numpy(part).long() for part in (layer.weight, layer.bias, layer.shift))
    return (x.long() @ weight + bias) >> shift


def test_a_layer_equals_integer_arithmetic_in_any_type_order_and_batch(layer):
    x = inputs(layer)
    expected = reference(layer, x)
    assert layer.dtype == torch.float32
    assert torch.equal(layer(x.float()).long(), expected)
    weight, bias, factor = (part.double() for part in layer.operands)
    assert torch.equal(torch.floor((x.double() @ weight + bias) * factor).long(), expected)
    order = torch.randperm(x.shape[1], generator=torch.Generator().manual_seed(2))
    shuffled = IntegerLayer(layer.weight[order.numpy()], layer.bias, layer.shift, layer.limit)
    assert torch.equal(shuffled(x[:, order].float()).long(), expected)
    assert torch.equal(torch.cat([layer(row.float()) for row in x.split(7)]).long(), expected)
    low = x & 127
    high = (x >> 7).float()
    digits = (low.float() @ layer.operands[0]).long() + ((high @ layer.operands[0]).long() << 7)
    assert torch.equal((digits + torch.from_numpy(layer.bias)) >> torch.from_numpy(layer.shift), expected)


def test_a_layer_too_large_for_float32_runs_in_float64_and_beyond_that_is_refused():
    weight, bias, shift = np.full((2000, 1), 127, np.int16), np.zeros(1, np.int64), np.array([9])
    wide = IntegerLayer(weight, bias, shift, limit=2**14)
    x = torch.full((1, 2000), 2**14 - 1)
    assert wide.dtype == torch.float64
    assert int(wide(x.float())) == 2000 * 127 * (2**14 - 1) >> 9
    with pytest.raises(ValueError, match="do not fit"):
        IntegerLayer(weight, bias, shift, limit=2**24)
    with pytest.raises(ValueError, match="float32"):
        IntegerLayer(weight, bias, shift - 5, limit=2**14)
    with pytest.raises(ValueError, match="float64"):
        IntegerLayer(weight, bias + 2**53 - 1, shift, limit=2**14)


def test_rounding_a_layer_keeps_its_weights_within_half_a_unit():
    weight = torch.randn(8, 27, generator=torch.Generator().manual_seed(3))
    layer = quantised_layer(weight, None, (7, 5), limit=2047)
    unit = 2.0 ** -torch.from_numpy(layer.shift - 2).double()
    error = (torch.from_numpy(layer.weight.T).double() * unit[:, None] - weight.double()).abs()
    assert bool((error <= unit[:, None] / 2).all())
    assert float(unit.max()) <= float(weight.abs().max()) / 63


def test_tables_agree_with_the_functions_they_stand_for():
    x = np.arange(-16 * 1024, 16 * 1024 + 1) / 1024
    inner = slice(1, -1)
    assert np.abs(logistic_cdf() / 2**24 - 1 / (1 + np.exp(-x)))[inner].max() <= 2**-24
    laplace = np.where(x < 0, np.exp(x) / 2, 1 - np.exp(-x) / 2)
    assert np.abs(laplace_cdf() / 2**24 - laplace)[inner].max() <= 2**-24
    for table in (logistic_cdf(), laplace_cdf()):
        assert int(table[0]) == 0
        assert int(table[-1]) == 2**24
        assert (np.diff(table) >= 0).all()
    assert exp_fixed(-7, 3) / 2**160 == pytest.approx(math.exp(-7 / 3), rel=1e-15)
    assert softmax_weights()[:-1] == pytest.approx(np.exp(-np.arange(4096) / 256) * 2**16, abs=0.5001)
    mantissa, shift, scale = (part.astype(float) for part in scale_tables())
    log_scale = np.arange(-6 * 256, 14 * 256 + 1) / 256
    assert mantissa * 2**-shift == pytest.approx(np.exp(-log_scale), rel=2**-9)
    assert scale == pytest.approx(16 * np.exp(log_scale), abs=1)


def test_squash_is_asinh_to_the_nearest_unit():
    x = torch.cat((torch.arange(-3000, 3000), torch.tensor([10**5, -(10**6), 2**23])))
    for unit in (1, 64, 8000):
        expected = torch.asinh(x.double() / unit) * 128
        assert float((squash(x, unit).double() - expected).abs().max()) <= 0.5 + 1e-6
    assert (np.diff(asinh_thresholds(64)) >= 0).all()


@given(SIZES)
@settings(max_examples=25, deadline=None)
def test_fixed_point_synthesis_follows_the_float_wavelet(size):
    generator = torch.Generator().manual_seed(sum(size))
    halves = band_size(size)
    low = torch.randint(-4000, 4000, (2, 1, *halves), generator=generator)
    details = torch.randint(-300, 300, (2, 7, *halves), generator=generator)
    fixed = synthesise_level(in_fixed_point(low), in_fixed_point(details), size).double() / 64
    expected = WaveletTransform("cdf97", 1).double().inverse(Subbands(low.double(), (details.double(),), size))
    assert float((fixed - expected).abs().max()) < 0.2
    assert float((fixed - expected).abs().mean()) < 0.03
    detail, value = coarse_inputs((64 * fixed).long()).double().unbind(dim=1)
    assert float((value - 128 * torch.asinh(fixed[:, 0])).abs().max()) < 0.51
    centred = (fixed - local_mean(fixed))[:, 0]
    assert float((detail - 128 * torch.asinh(centred)).abs().max()) < 0.51


@given(SIZES)
@settings(max_examples=25, deadline=None)
def test_fronts_hold_every_position_once_after_all_its_causal_neighbours(size):
    wave = wavefront(size)
    assert sorted(wave.raster.tolist()) == list(range(math.prod(size)))
    places = {int(r): k for k, r in enumerate(wave.raster)}
    front_of = {p: k for k, (a, b) in enumerate(wave.fronts) for p in range(a, b)}
    depth, height, width = size
    for z, y, x in np.ndindex(*size):
        here = places[(z * height + y) * width + x]
        for tap, (dz, dy, dx) in enumerate(np.ndindex(3, 3, 3)):
            a, b, c = z + dz - 1, y + dy - 1, x + dx - 1
            inside = 0 <= a < depth and 0 <= b < height and 0 <= c < width
            neighbour = int(wave.neighbours[here, tap])
            assert neighbour == (places[(a * height + b) * width + c] if inside else wave.positions)
            if inside and tap < CENTRE:
                assert front_of[neighbour] < front_of[here]


@given(SIZES, st.sampled_from([None, 1, 10]), st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_bands_side_by_side_know_their_neighbours_and_remember_enough(size, piece, bands):
    wave = wavefront(size)
    plan = schedule(wave, wave.fronts if piece is None else wave.chunks(piece))
    known = [set() for _ in range(bands)]
    remembered = [{} for _ in range(bands)]
    for runs in plan.steps(bands):
        assert len({run.band for run in runs}) == len(runs)
        for band, start, end in runs:
            around = set(wave.neighbours[start:end].flatten().tolist()) - {wave.positions}
            assert band == 0 or around <= known[band - 1]
            slots = list(range(plan.memory.size)[plan.memory.at(start, end)])
            remembered[band].update(zip(slots, range(start, end), strict=True))
            for position in set(wave.causal[start:end].flatten().tolist()) - {wave.positions}:
                assert remembered[band][int(plan.memory.slots[position])] == position
        for band, start, end in runs:
            known[band].update(range(start, end))
    assert all(len(positions) == wave.positions for positions in known)


def causal_conv(layer, x, taps):
    """A dense masked convolution in float64, (T, C, d, h, w) -> (T, N, d, h, w)."""
    kernel = torch.zeros(18, x.shape[1], layer.weight.shape[1], dtype=torch.float64)
    kernel[:taps] = torch.from_numpy(layer.weight).double().view(taps, x.shape[1], -1)
    kernel = kernel.permute(2, 1, 0).unflatten(2, (2, 3, 3))
    out = F.conv3d(F.pad(x.double(), (1, 1, 1, 1, 1, 0)), kernel, torch.from_numpy(layer.bias).double())
    return torch.floor(out / 2.0 ** torch.from_numpy(layer.shift).view(-1, 1, 1, 1))


@pytest.mark.parametrize("threads", [1, 2])
def test_the_wavefront_gives_what_dense_convolutions_give(threads):
    model = integer_context(shake(entropy("context", channels=8), std=0.2))
    q = torch.randint(-20, 20, (3, 5, 6, 7), generator=torch.Generator().manual_seed(4))
    wave = wavefront((5, 6, 7))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        band = ContextCoding(model).level(0, wave, 3, None).band(0, log_step=300)
        parts = []
        for start, end in wave.fronts:
            mixed, predicted = band.mixed(start, end)
            parts.append([part.view(3, end - start, -1) for part in (band.parameters(mixed), predicted)])
            band.write(start, end, wave.sort(q)[:, start:end])
    finally:
        torch.set_num_threads(before)
    parameters, predicted = (torch.cat(part, dim=1).unbind(dim=-1) for part in zip(*parts, strict=True))
    hidden = causal_conv(model.layers["own"], squash(q).unsqueeze(1), CENTRE)
    siblings = model.layers["siblings"]
    start = torch.from_numpy(model.condition(0, 300) + (siblings.bias >> siblings.shift)).double()
    hidden = hidden + start.view(-1, 1, 1, 1)
    for block in model.blocks:
        hidden = hidden + causal_conv(block, hidden.clamp(0, model.limit), CENTRE + 1)
    rows = reference(model.layers["mix"], hidden.movedim(1, -1).flatten(0, 3).clamp(0, model.limit))
    rows = reference(model.layers["head"], rows.clamp(0, model.limit)) + torch.from_numpy(model.head_offset(0))
    for got, expected in zip(parameters, rows.view(3, 5, 6, 7, -1).unbind(dim=-1), strict=True):
        assert torch.equal(wave.unsort(got).long(), expected)
    kernel = F.pad(torch.from_numpy(model.prediction[0]), (0, 5)).double().view(1, 1, 2, 3, 3)
    linear = F.conv3d(F.pad(q.double().unsqueeze(1), (1, 1, 1, 1, 1, 0)), kernel)[:, 0]
    assert torch.equal(wave.unsort(predicted[0]), torch.floor((linear + 8) / 16).long())


@pytest.mark.parametrize("density", [LogisticMixture(3), LogisticMixture(1), Laplace()])
@given(seed=st.integers(0, 10**6), spread=st.sampled_from([1, 300, 2000, 10**7]))
@settings(max_examples=20, deadline=None)
def test_frequencies_are_positive_and_sum_to_a_power_of_two(density, seed, spread):
    kind = integer_density(density)
    assert kind.size == density.size
    generator = torch.Generator().manual_seed(seed)
    parameters = torch.randint(-spread, spread + 1, (50, kind.size), generator=generator).float()
    predicted = torch.randint(-spread, spread + 1, (50,), generator=generator)
    mixture = mixture_of(kind, parameters, predicted)
    assert bool((mixture.weight.sum(dim=0) == 2**14).all())
    table = bin_table(mixture, choose_bins(mixture)).long()
    assert table.shape == (50, BINS)
    assert bool((table >= 0).all())
    assert bool((table.sum(dim=1) + BINS == 2**24).all())


@pytest.mark.parametrize("density", [LogisticMixture(3), Laplace()])
def test_cumulative_probabilities_follow_the_float_density(density):
    kind = integer_density(density)
    generator = torch.Generator().manual_seed(6)
    parameters = torch.randint(-400, 900, (40, kind.size), generator=generator).float()
    predicted = torch.randint(-2000, 2000, (40,), generator=generator)
    q = torch.arange(-60, 61).view(-1, 1).expand(-1, 40)
    mixture = mixture_of(kind, parameters, predicted)
    p = (mixture.cumulative(q + 1) - mixture.cumulative(q)).double() / 2**38
    shape = (1, 1, 121, 40, 1)
    bits = density.bits(
        q.double().view(shape),
        (parameters.double() / 256).view(1, 1, 1, 40, 1, -1).expand(*shape, -1),
        (predicted.double() / 256).view(1, 1, 1, 40, 1).expand(shape),
        torch.ones(1, dtype=torch.float64),
    )
    expected = 2.0 ** -bits.view(121, 40)
    assert float((p - expected).abs().max()) < 2e-3
    assert float((p - expected).abs().mean()) < 5e-5
