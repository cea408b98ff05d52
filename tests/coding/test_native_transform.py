"""The compiled transforms, filters and coarse context against the PyTorch modules, on every instruction set."""

from copy import deepcopy
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import nn

from aiwave.coding import coarse_context
from aiwave.coding.constants import COEFFICIENT_LIMIT
from aiwave.coding.core import compiled_core
from aiwave.coding.exact_transform import ExactTransform
from aiwave.coding.float_modules import ACTIVATIONS, post_part, transform_part
from aiwave.coding.model_parts import model_from_arrays, model_to_arrays
from aiwave.coding.native_coarse import coarse_inputs, next_approx
from aiwave.coding.native_transform import NativeFilter, NativeReversible, NativeTransform
from aiwave.coding.to_integer.lifting_from_float import integer_reversible
from aiwave.errors import AiwaveError
from aiwave.models import (
    BoundedScale,
    LiftingNet,
    NoPost,
    PostFilter,
    PublishedPost,
    PublishedScale,
    ReversibleTransform,
    Sharing,
    Subbands,
    WaveletTransform,
)
from aiwave.models.subbands import band_size
from tests.builders import shake

core = compiled_core()
pytestmark = pytest.mark.skipif(core is None, reason="the compiled core is missing")

SIMD = core.simd_levels() if core else []
SIDES = st.one_of(st.integers(1, 9), st.integers(10, 22))
SIZES = st.tuples(SIDES, SIDES, SIDES)
SHARINGS = st.sampled_from(list(Sharing))
BOUNDARIES = st.sampled_from(["symmetric", "published"])
ANY_PADDING = st.sampled_from(["zeros", "reflect", "replicate", "circular"])
SCALES = {"additive": None, "bounded": BoundedScale(0.5), "published": PublishedScale()}


def examples(count):
    return settings(
        max_examples=count,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@pytest.fixture(autouse=True)
def any_simd():
    """Restore the instruction set."""
    yield
    core.use_simd(SIMD[-1])


def weights_of(module):
    return {name: value.detach().numpy() for name, value in module.state_dict().items()}


def volume(size, seed, spread=300.0):
    generator = torch.Generator().manual_seed(seed)
    return spread * torch.randn(1, 1, *size, generator=generator)


def integers(size, seed, spread):
    return volume(size, seed, spread).double().round().long()


def arrays(subbands):
    return [stack[0].numpy() for stack in subbands.level_stacks()]


def same(ours, theirs):
    return len(ours) == len(theirs) and all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def close(ours, theirs, exact):
    """As near to the results in float64 as those of PyTorch in float32 are, times ten, or 1e-5 of the largest.

    Models that amplify rounding errors beyond that are left out.
    """
    for a, b, truth in zip(ours, theirs, exact, strict=True):
        error, largest = float(np.abs(b - truth).max()), max(float(np.abs(truth).max()), 0.1)
        assume(error < 1e-5 * largest)
        np.testing.assert_allclose(a, truth, rtol=0, atol=max(10 * error, 1e-5 * largest))


def wavelet_transform(kind, levels, sharing, boundary, seed):
    torch.manual_seed(seed)
    return shake(WaveletTransform(kind, levels, sharing, boundary), seed, 0.1).requires_grad_(False)


@given(
    kind=st.sampled_from(["cdf97", "cdf53"]),
    levels=st.integers(1, 5),
    sharing=SHARINGS,
    boundary=BOUNDARIES,
    size=SIZES,
    seed=st.integers(0, 99),
)
@examples(80)
def test_without_networks_every_bit_of_the_float_transform_is_the_same(kind, levels, sharing, boundary, size, seed):
    model = wavelet_transform(kind, levels, sharing, boundary, seed)
    native = NativeTransform(core, transform_part(model), weights_of(model))
    x = volume(size, seed)
    bands = model(x)
    stacks = native.forward(x[0, 0].numpy())
    assert same(stacks, arrays(bands))
    for count in range(1, levels + 1):
        preview = native.inverse(stacks[:count], size)
        coarsest = Subbands(bands.approx, bands.details[:count], bands.splits[count - 1])
        assert np.array_equal(preview, model.inverse(coarsest)[0, 0].numpy())


def net_transform(levels, sharing, boundary, scale, seed, depth=1, learned="all", **options):
    torch.manual_seed(seed)
    net = partial(LiftingNet, depth=depth, intensity_scale=256.0, **options)
    model = WaveletTransform("cdf97", levels, sharing, boundary, False, net, SCALES[scale], learned=learned)
    return shake(model, seed, 0.01).requires_grad_(False).eval()


@given(
    levels=st.integers(1, 3),
    sharing=SHARINGS,
    boundary=BOUNDARIES,
    scale=st.sampled_from(["additive", "bounded"]),
    size=SIZES,
    channels=st.integers(1, 19),
    depth=st.integers(0, 2),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    paddings=st.tuples(ANY_PADDING, ANY_PADDING),
    damping=st.sampled_from([0.1, 1.0]),
    learned=st.sampled_from(["all", "last"]),
    simd=st.sampled_from(SIMD),
    seed=st.integers(0, 99),
)
@examples(60)
def test_with_networks_the_float_transform_is_nearly_the_same(
    levels, sharing, boundary, scale, size, channels, depth, activation, paddings, damping, learned, simd, seed
):
    model = net_transform(
        levels,
        sharing,
        boundary,
        scale,
        seed,
        depth,
        learned,
        channels=channels,
        activation=ACTIVATIONS[activation],
        padding=paddings[0],
        input_padding=paddings[1],
        damping=damping,
    )
    core.use_simd(simd)
    native = NativeTransform(core, transform_part(model), weights_of(model))
    x = volume(size, seed)
    bands = model(x)
    stacks = native.forward(x[0, 0].numpy())
    exact = deepcopy(model).double()
    close(stacks, arrays(bands), arrays(exact(x.double())))
    truth = exact.inverse(bands.map(lambda band: band.double()))[0, 0].numpy()
    close([native.inverse(arrays(bands), size)], [model.inverse(bands)[0, 0].numpy()], [truth])


def test_the_published_scale_is_the_same():
    model = net_transform(1, "isotropic", "symmetric", "published", 0, channels=4, activation=nn.Tanh)
    for name, value in model.named_parameters():
        if name.endswith("scale_head.bias"):
            value.data.fill_(-0.005)  # where it is neither 0 nor 1
        if name.endswith("scale_head.weight"):
            value.data.mul_(0.01)
    native = NativeTransform(core, transform_part(model), weights_of(model))
    x = volume((6, 7, 8), 3)
    close(native.forward(x[0, 0].numpy()), arrays(model(x)), arrays(deepcopy(model).double()(x.double())))


def test_instruction_sets_and_threads_give_the_same_coefficients_and_nearly_the_same_voxels():
    model = net_transform(2, "none", "symmetric", "bounded", 5, 2, channels=13, activation=nn.SiLU)
    post = shake(PostFilter(11, 2), 1, 0.1).eval()
    x = volume((37, 14, 23), 5)[0, 0].numpy()  # deeper than what one of several threads filters at a time
    coefficients, restored, filtered = [], [], []
    for simd in SIMD:
        core.use_simd(simd)
        native = NativeTransform(core, transform_part(model), weights_of(model))
        filters = NativeFilter(core, post_part(post), weights_of(post))
        coefficients += [native.forward(x, threads) for threads in (1, 3)]
        restored.append(native.inverse(coefficients[0], x.shape, 1))
        filtered.append(filters(x, 4.0, 4.0, 1))
        assert np.array_equal(native.inverse(coefficients[0], x.shape, 3), restored[-1])
        assert np.array_equal(filters(x, 4.0, 4.0, 3), filtered[-1])
    assert all(same(result, coefficients[0]) for result in coefficients)
    for voxels in (restored, filtered):
        assert max(np.abs(result - voxels[0]).max() for result in voxels) < 1e-4 * np.abs(voxels[0]).max()


@given(levels=st.integers(1, 5), sharing=SHARINGS, size=SIZES, spread=st.sampled_from([2, 300, 2**21]))
@examples(40)
def test_the_plain_reversible_transform_is_the_same(levels, sharing, size, spread):
    exact = ReversibleTransform(WaveletTransform("cdf53", levels, sharing)).double()
    native = NativeReversible.plain(core, levels, sharing)
    x = integers(size, levels, spread)
    bands = exact.forward(x.double()).map(lambda band: band.long())
    stacks = native.forward(x[0, 0].numpy())
    assert same(stacks, arrays(bands))
    assert np.array_equal(native.inverse(stacks, size), x[0, 0].numpy())
    coarsest = Subbands(bands.approx.double(), (bands.details[0].double(),), bands.splits[0])
    preview = exact.inverse(coarsest)[0, 0].long()
    assert np.array_equal(native.inverse(stacks[:1], size), preview.numpy())


def integer_transform(kind, levels, sharing, boundary, seed, std, learned="all", **options):
    torch.manual_seed(seed)
    net = partial(LiftingNet, activation=nn.Tanh, intensity_scale=256.0, **options) if kind == "net" else None
    model = WaveletTransform("cdf97", levels, sharing, boundary, True, net, learned=learned)
    return integer_reversible(shake(model, seed, std))


@given(
    kind=st.sampled_from(["plain", "net"]),
    learned=st.sampled_from(["all", "last"]),
    levels=st.integers(1, 4),
    sharing=SHARINGS,
    boundary=BOUNDARIES,
    size=SIZES,
    channels=st.integers(1, 11),
    depth=st.integers(1, 2),
    paddings=st.tuples(*[st.sampled_from(["zeros", "reflect", "replicate"])] * 2),
    spread=st.sampled_from([3, 300, 30000, 2**40]),
    std=st.sampled_from([0.05, 0.4]),
    simd=st.sampled_from(SIMD),
    seed=st.integers(0, 99),
)
@examples(60)
def test_the_lossless_transform_is_the_same(
    kind, learned, levels, sharing, boundary, size, channels, depth, paddings, spread, std, simd, seed
):
    options = {} if kind == "plain" else {"channels": channels, "depth": depth}
    options |= {} if kind == "plain" else {"padding": paddings[0], "input_padding": paddings[1]}
    model = integer_transform(kind, levels, sharing, boundary, seed, std, learned, **options)
    core.use_simd(simd)
    native, exact = NativeReversible(core, model), ExactTransform(model)
    x = integers(size, seed, spread)
    bands = exact.forward(x)
    stacks = native.forward(x[0, 0].numpy(), threads=1 + seed % 2)
    assert same(stacks, arrays(bands))
    assert np.array_equal(native.inverse(stacks, size), x[0, 0].numpy())
    some = bands.map(lambda band: torch.roll(band, 1, -1))  # coefficients that no volume has
    cropped = Subbands(some.approx, some.details, size).existing()
    assert np.array_equal(native.inverse(arrays(cropped), size), exact.inverse(cropped)[0, 0].numpy())


@pytest.mark.parametrize("simd", SIMD)
@pytest.mark.parametrize("large", [1, 300])
def test_layers_with_large_weights_are_the_same(simd, large):
    """Sums that need float64, next to those of 32 bits."""
    model = integer_transform("net", 1, "isotropic", "symmetric", 1, 0.2, channels=6, depth=1)
    part, parts = model_to_arrays(model)
    generator = np.random.default_rng(0)
    for name in [name for name in parts if name.endswith(".weight")]:
        weight = parts[name].astype(np.int64)
        parts[name] = np.clip(weight * large + generator.integers(-2, 3, weight.shape), -(2**15) + 1, 2**15 - 1)
        parts[name.replace("weight", "shift")] = parts[name.replace("weight", "shift")] + large.bit_length()
    core.use_simd(simd)
    x = integers((7, 9, 12), 4, 500)
    large_model = model_from_arrays(part, parts)
    bands = ExactTransform(large_model).forward(x)
    assert same(NativeReversible(core, large_model).forward(x[0, 0].numpy()), arrays(bands))


@given(
    size=SIZES,
    channels=st.integers(1, 20),
    layers=st.integers(0, 2),
    kind=st.sampled_from([PostFilter, PublishedPost]),
    step=st.sampled_from([0.7, 5.6, 40.0]),
    known=st.sampled_from([0.7, 40.0]),
    simd=st.sampled_from(SIMD),
    seed=st.integers(0, 99),
)
@examples(40)
def test_filters_are_nearly_the_same(size, channels, layers, kind, step, known, simd, seed):
    torch.manual_seed(seed)
    post = shake(kind(channels, layers), seed, 0.1).requires_grad_(False).eval()
    core.use_simd(simd)
    native = NativeFilter(core, post_part(post), weights_of(post))
    x = volume(size, seed, 100.0)
    steps = torch.tensor([[step], [known]])
    expected = post(x, *steps)[0, 0].numpy()
    exact = deepcopy(post).double()(x.double(), *steps.double())[0, 0].numpy()
    close([native(x[0, 0].numpy(), step, known)], [expected], [exact])


def test_no_filter_changes_nothing():
    x = volume((2, 3, 4), 0)[0, 0].numpy()
    assert np.array_equal(NativeFilter(core, post_part(NoPost()), {})(x, 3.0, 3.0), x)


@given(
    size=st.tuples(*[st.integers(1, 20)] * 3),
    tiles=st.integers(1, 3),
    levels=st.integers(1, 3),
    spread=st.sampled_from([2, 1000, COEFFICIENT_LIMIT]),
    reversible=st.booleans(),
    sections=st.booleans(),
    halves=st.booleans(),
    seed=st.integers(0, 99),
)
@examples(80)
def test_the_coarse_context_is_the_same(size, tiles, levels, spread, reversible, sections, halves, seed):
    generator = torch.Generator().manual_seed(seed)
    halves = halves and not reversible
    probe = WaveletTransform("cdf53", levels)(torch.zeros(1, 1, *size))
    q = probe.map(
        lambda band: torch.randint(-spread, spread + 1, (tiles, *band.shape[1:]), generator=generator)
    ).existing()
    theirs = ours = None
    for level, stack in enumerate(q.level_stacks()):
        if theirs is not None:
            inputs = coarse_context.coarse_inputs(theirs)
            assert np.array_equal(coarse_inputs(core, ours, threads=2), inputs.numpy())
        theirs = coarse_context.next_approx(q, level, theirs, reversible, sections, halves)
        ours = next_approx(core, stack.numpy(), ours, q.splits[level], reversible, sections, halves, threads=2)
        assert np.array_equal(ours, theirs.numpy())


def test_coarse_inputs_are_the_same_at_the_thresholds():
    limit = coarse_context.APPROX_LIMIT
    edges = coarse_context.asinh_thresholds(64)
    values = torch.cat([edges - 1, edges, edges + 1, torch.tensor([0, 1, limit])]).clamp(max=limit)
    both = torch.cat([values, -values]).view(-1, 1, 1, 1, 1)
    assert np.array_equal(coarse_inputs(core, both.numpy()), coarse_context.coarse_inputs(both).numpy())


def refused(make, part, weights, **changes):
    with pytest.raises(AiwaveError, match="damaged"):
        make(core, part, weights | changes)


def test_weights_that_do_not_fit_are_refused():
    model = net_transform(1, "isotropic", "symmetric", "bounded", 0, channels=4, activation=nn.Tanh)
    part, weights = transform_part(model), weights_of(model)
    head = "schemes.0.steps.1.net.shift_head.weight"
    for changes in (
        {"more": np.zeros(1, np.float32)},
        {head: weights[head][:, :2]},
        {head: weights[head].astype(np.float64)},
        {head: weights[head] * np.float32(np.inf)},
    ):
        refused(NativeTransform, part, weights, **changes)
    del weights[head]
    refused(NativeTransform, part, weights)


def test_bands_that_do_not_fit_the_size_are_refused():
    native = NativeReversible.plain(core, 2, "isotropic")
    stacks = native.forward(np.zeros((5, 6, 7), np.int64))
    with pytest.raises(ValueError, match="do not fit"):
        native.inverse(stacks, (5, 6, 9))
    with pytest.raises(ValueError, match="number of levels"):
        native.inverse([*stacks, stacks[-1]], (5, 6, 7))
    with pytest.raises(ValueError, match="do not fit"):
        next_approx(core, np.zeros((1, 8, 2, 2, 2), np.int64), None, (4, 4, 5))
    assert band_size((5, 6, 7)) == stacks[1].shape[1:]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_raised_stop_ends_a_call(threads):
    x = np.zeros((24, 24, 24), np.float32)
    post = PostFilter(8, 2)
    work = [
        partial(NativeFilter(core, post_part(post), weights_of(post)), x, 1.0, 1.0, threads),
        partial(NativeReversible.plain(core, 2, Sharing.NONE).forward, x.astype(np.int64), threads),
        partial(coarse_inputs, core, np.zeros((400, 1, 16, 16, 16), np.int64), threads),
    ]
    stop = core.Stop()
    core.obey(stop)
    try:
        for each in work:
            each()
        stop.set()
        for each in work:
            with pytest.raises(core.Stopped):
                each()
    finally:
        core.obey(None)
