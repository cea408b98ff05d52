"""The lossless transform in integers: exact, equal to an independent reference, the same however it is computed."""

from functools import partial
from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import ValidationError
from msgspec.structs import replace
from torch import nn

from aiwave.coding.exact_tables import tanh_table
from aiwave.coding.exact_transform import ExactTransform
from aiwave.coding.integer_conv import IntegerConv
from aiwave.coding.model_parts import model_from_arrays, model_to_arrays
from aiwave.coding.to_integer.lifting_from_float import integer_reversible, integer_transform
from aiwave.coding.to_integer.rounded_layer import quantised_layer
from aiwave.errors import AiwaveError
from aiwave.models.transform.layout import Sharing
from aiwave.models.transform.lifting import LiftingNet
from aiwave.models.transform.wavelet_transform import ReversibleTransform, WaveletTransform
from tests.builders import shake, transform
from tests.files import from_arrays
from tests.models.transform.test_reversible_lifting import DEPTHS, integers

PADDINGS = ["zeros", "reflect", "replicate"]


def parameters(kind="additive", levels=2, seed=0, std=0.3, **options):
    """Those of an integer transform with random weights."""
    torch.manual_seed(seed)
    return integer_reversible(shake(transform(kind, levels, channels=3, **options), seed, std))


def wild(*args, **options):
    """An integer transform with random weights."""
    return ExactTransform(parameters(*args, **options))


def parts(subbands):
    return [subbands.approx, *subbands.details]


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(parts(a), parts(b), strict=True))


def check(model, x):
    """There and back. Returns the subbands."""
    bands = model.forward(x)
    back = model.inverse(bands)
    assert torch.equal(back, x)
    assert {part.dtype for part in (back, *parts(bands))} == {torch.int64}
    return bands


def distances(model, ours, x):
    """Mean distance of the float transform's subbands from `ours`, and from those of the plain 5/3, at worst."""
    with torch.no_grad():
        theirs = ReversibleTransform(model)(x)
        plain = ReversibleTransform(WaveletTransform("cdf53", model.levels))(x)
    return [
        max(float((a - b).abs().double().mean()) for a, b in zip(parts(other), parts(theirs), strict=True))
        for other in (ours, plain)
    ]


def test_all_small_sizes_come_back_exactly():
    model = wild()
    for size in range(1, 10):
        for bits, shape in zip(DEPTHS, [(size, 4, 5), (5, size, 4), (4, 5, size)], strict=True):
            check(model, integers(bits, shape, seed=size))


@settings(max_examples=20)
@given(
    size=st.tuples(*[st.integers(1, 9)] * 3),
    levels=st.integers(1, 4),
    sharing=st.sampled_from(["isotropic", "axial", "none"]),
    boundary=st.sampled_from(["symmetric", "published"]),
    bits=st.sampled_from(DEPTHS),
    std=st.sampled_from([0.0, 0.1, 1.0, 3.0]),
    seed=st.integers(0, 2**16),
)
def test_every_variant_is_exact_on_every_size(size, levels, sharing, boundary, bits, std, seed):
    model = wild(("additive", "hybrid")[seed % 2], levels, seed, std, sharing=sharing, boundary=boundary)
    check(model, integers(bits, size, seed, signed=seed % 2 == 0))


def test_a_large_volume_of_16_bits_comes_back_exactly():
    check(wild(std=0.2), integers(16, (33, 48, 41)))


@settings(max_examples=15)
@given(size=st.tuples(*[st.integers(1, 9)] * 3), levels=st.integers(1, 3), bits=st.sampled_from(DEPTHS))
def test_cdf53_is_the_float_transform_exactly(size, levels, bits):
    plain, x = transform("cdf53", levels), integers(bits, size)
    bands = check(ExactTransform(integer_reversible(plain)), x)
    assert same(bands, ReversibleTransform(plain)(x).map(lambda band: band.long()))


@pytest.mark.parametrize("scale", [256.0, 4096.0, 65536.0])
def test_a_trained_transform_gives_nearly_the_float_one_s_subbands(scale):
    """Increments differ by rounding alone: to integers, and within the network."""
    torch.manual_seed(0)
    net = partial(LiftingNet, 8, 1, nn.Tanh, intensity_scale=scale)
    smooth = shake(WaveletTransform("cdf53", 1, trainable_taps=True, net=net), std=0.03)
    z, y, x = torch.meshgrid(*[torch.arange(16)] * 3, indexing="ij")
    volume = (scale * (0.5 + 0.2 * torch.sin(z / 3) * torch.cos(y / 4) + 0.2 * torch.sin(x / 5))).long()[None, None]
    close, moved = distances(smooth, ExactTransform(integer_reversible(smooth)).forward(volume), volume)
    assert close < 0.5 + 3e-4 * scale
    assert close < 0.1 * moved


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("channels", [(1, 4), (4, 4), (4, 1)])
def test_convolutions_equal_those_of_64_bit_integers(padding, channels, monkeypatch):
    monkeypatch.setattr("aiwave.coding.integer_conv.SLAB", 50)
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(channels[1], channels[0] * 27, generator=generator)
    layer = quantised_layer(weight, torch.randn(channels[1], generator=generator), (10, 10), 8191, (12, 12))
    x = torch.randint(-8191, 8192, (2, channels[0], 5, 6, 4), generator=generator)
    modes = {"zeros": "constant", "reflect": "reflect", "replicate": "edge"}
    padded = torch.from_numpy(np.pad(x.numpy(), [(0, 0), (0, 0), *[(1, 1)] * 3], modes[padding]))
    total = torch.from_numpy(layer.bias).view(1, -1, 1, 1, 1).expand(2, -1, 5, 6, 4).clone()
    for tap, (a, b, c) in enumerate(product(range(3), repeat=3)):
        rows = torch.from_numpy(layer.weight[tap * channels[0] : (tap + 1) * channels[0]]).long()
        total += torch.einsum("bczyx,cn->bnzyx", padded[:, :, a : a + 5, b : b + 6, c : c + 4], rows)
    expected = total >> torch.from_numpy(layer.shift).view(-1, 1, 1, 1)
    conv = IntegerConv(layer, padding)
    assert torch.equal(conv(x.double()).long(), expected)
    with torch.no_grad():
        assert torch.equal(conv(x[:1].float()).long(), expected[:1])


def test_tanh_is_tabulated_to_the_nearest_unit():
    table = torch.from_numpy(tanh_table(10, 9, 8)).double()
    expected = torch.tanh(torch.arange(-8192, 8193, dtype=torch.float64) / 1024) * 512
    assert float((table - expected).abs().max()) <= 0.5 + 1e-9
    assert torch.equal(table, -table.flip(0))


def test_nothing_depends_on_batch_threads_memory_format_or_gradient_mode():
    model, x = wild(), torch.cat([integers(12, (5, 7, 6), k) for k in range(3)])
    together = model.forward(x)
    for k in range(3):
        assert same(model.forward(x[k : k + 1]), together.map(lambda band, k=k: band[k : k + 1]))
    assert same(model.forward(x.to(torch.int32).contiguous(memory_format=torch.channels_last_3d)), together)
    assert same(model.forward(x.float()), together)
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            assert same(model.forward(x), together)
            with torch.inference_mode():
                assert torch.equal(model.inverse(together), x)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("kind", ["cdf53", "cdf97", "additive", "hybrid"])
def test_a_transform_survives_its_file(kind):
    model, x = parameters(kind, sharing="axial"), integers(12, (6, 7, 5))
    assert same(ExactTransform(from_arrays(model)).forward(x), ExactTransform(model).forward(x))


def test_a_transform_whose_parts_do_not_fit_is_refused():
    part, arrays = model_to_arrays(parameters())
    limits = {"0.0.head": 8191}
    layers = [replace(layer, limit=limits.get(layer.name, layer.limit)) for layer in part.layers]
    assert layers != part.layers
    for changed, stored in (
        (replace(part, layers=layers), arrays),
        (replace(part, sharing=Sharing.NONE), arrays),
        (part, {name.replace("0.1.inner0", "0.1.innerX"): array for name, array in arrays.items()}),
        (part, arrays | {"taps": arrays["taps"][..., :2]}),
    ):
        with pytest.raises(AiwaveError, match="do not fit together"):
            model_from_arrays(changed, stored)
    for key, value in (("levels", 99), ("sharing", "diagonals"), ("padding", "heros"), ("kind", "context"), ("x", 1)):
        with pytest.raises(ValidationError, match=key):
            type(part).of(part.plain() | {key: value})


def test_what_has_no_integer_form_is_refused():
    with pytest.raises(AiwaveError, match="losslessly: affine lifting is not reversible"):
        integer_transform(transform("affine"))
    relu = WaveletTransform(net=partial(LiftingNet, 4, 1, nn.ReLU, intensity_scale=256.0))
    with pytest.raises(AiwaveError, match="only with Tanh"):
        integer_transform(relu)
    huge = transform("additive")
    nn.init.constant_(huge.schemes[0].steps[0].net.inner[0][1].weight, 1e4)
    with pytest.raises(AiwaveError, match="too large"):
        integer_transform(huge)


def test_networks_of_any_depth_and_padding_are_rounded():
    for depth, padding in product((0, 1, 2), PADDINGS):
        net = partial(LiftingNet, 4, depth, nn.Tanh, intensity_scale=256.0, padding=padding, input_padding=padding)
        torch.manual_seed(0)
        model = shake(WaveletTransform("cdf53", 1, trainable_taps=True, net=net), std=0.1)
        x = integers(8, (8, 6, 7))
        close, moved = distances(model, check(ExactTransform(integer_reversible(model)), x), x)
        assert close < 0.1 * moved, (depth, padding, close, moved)


def test_rounded_convolutions_are_noticed(monkeypatch):
    def rounded(x, weight, bias, padding):
        return F.conv3d(x.bfloat16().float(), weight, bias, padding=padding)

    model = wild()
    monkeypatch.setattr("aiwave.coding.integer_conv.conv3d", rounded)
    with pytest.raises(AiwaveError, match="not exact"):
        model.forward(integers(8, (4, 4, 4)))
