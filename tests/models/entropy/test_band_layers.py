"""Context networks whose outer layers have weights of their own for each of a level's eight bands."""

from dataclasses import replace

import pytest
import torch

from aiwave.coding.band_coder import BandCoder
from aiwave.coding.to_integer.entropy_from_float import integer_model
from aiwave.errors import AiwaveError
from aiwave.models.bands import BAND_LETTERS
from aiwave.models.codec import WaveletCodec
from aiwave.models.entropy.band_layers import OrientedOwn, OrientedPoint, OrientedSiblings, SharedOwn, SharedPoint
from aiwave.models.post import NoPost, PostFilter
from aiwave.models.quantisation.rate import VariableRate
from aiwave.training.starting_weights import load_weights
from tests.builders import entropy, shake, transform
from tests.coding.test_band_coder import STEP, noise
from tests.files import from_arrays

COUNTS = pytest.mark.parametrize("count", [7, 8])


def codec(oriented, post=None):
    rate = VariableRate([1.0, 30.0], [2.0, 8.0, 20.0])
    return WaveletCodec(transform("cdf97"), rate, entropy("context", oriented=oriented), post or NoPost())


def stored(codec, path):
    state = {f"codec.{name}": value for name, value in codec.state_dict().items()}
    torch.save({"state_dict": state, "pytorch-lightning_version": "2.6.6"}, path)
    return path


def band_alone(layer, stack, letters):
    """A shared layer with the weights of one band of an oriented one."""
    inputs = layer.weight.shape[2]
    shared = (SharedOwn(5, inputs) if isinstance(layer, OrientedOwn) else SharedPoint(inputs, 5)).double()
    with torch.no_grad():
        shared.weight.copy_(layer.weight[letters])
        shared.bias.copy_(layer.bias[letters])
    return shared(stack)


@COUNTS
@pytest.mark.parametrize("make", [lambda: OrientedOwn(5), lambda: OrientedOwn(5, 2), lambda: OrientedPoint(3, 5)])
def test_every_band_has_its_own_layer(make, count):
    layer = shake(make(), std=1.0).double()
    stack = torch.randn(2, count, layer.weight.shape[2], 4, 5, 6, dtype=torch.float64)
    out = layer(stack)
    for place, letters in enumerate(range(8 - count, 8)):
        expected = band_alone(layer, stack[:, place : place + 1], letters)
        torch.testing.assert_close(out[:, place : place + 1], expected)


@COUNTS
def test_a_band_sees_those_coded_before_and_no_other(count):
    layer = shake(OrientedSiblings(5), std=1.0).double()
    stack = torch.randn(1, count, 3, 3, 3, dtype=torch.float64, requires_grad=True)
    for place, out in enumerate(layer(stack).unbind(1)):
        (gradient,) = torch.autograd.grad(out.square().sum(), stack, retain_graph=True)
        reached = gradient.abs().sum(dim=(0, 2, 3, 4)) > 0
        assert reached.tolist() == [before < place for before in range(count)]


@pytest.mark.parametrize("options", [{}, {"reversible": True}, {"dependent": True}], ids=str)
def test_it_starts_as_the_shared_network_does(options, tmp_path):
    """Taken over from a checkpoint with shared layers, it computes the same."""
    shared = codec(oriented=False)
    shared.entropy = shake(entropy("context", **options), std=0.2)
    own = codec(oriented=True)
    own.entropy = entropy("context", oriented=True, **options)
    load_weights(own, stored(shared, tmp_path / "shared.ckpt"))
    q, step = noise((16, 14, 15)), torch.full((2,), 4.5)
    torch.testing.assert_close(own.entropy(q, step), shared.entropy(q, step), rtol=1e-5, atol=1e-2)


def test_a_filter_that_the_model_lacks_is_left_out(tmp_path):
    filtered, plain = shake(codec(oriented=True, post=PostFilter(4, 1)), std=0.2), codec(oriented=True)
    path = stored(filtered, tmp_path / "filtered.ckpt")
    load_weights(plain, path)
    x, step = 200 * torch.rand(1, 1, 12, 12, 12), torch.tensor([5.0])
    q = filtered.analyse(x, step)
    assert torch.equal(plain.code_length(q, step), filtered.code_length(q, step))
    assert not torch.equal(plain.synthesise(q, step), filtered.synthesise(q, step))
    with pytest.raises(AiwaveError, match="post"):
        load_weights(codec(oriented=True, post=PostFilter(8, 1)), path)


def test_an_oriented_checkpoint_does_not_fit_shared_layers(tmp_path):
    path = stored(codec(oriented=True), tmp_path / "oriented.ckpt")
    with pytest.raises(AiwaveError, match="deeper"):
        load_weights(codec(oriented=False), path)


@pytest.fixture(scope="module")
def integers():
    torch.manual_seed(0)
    return integer_model(shake(entropy("context", oriented=True), std=0.05).eval())


@torch.no_grad()
@pytest.mark.parametrize("options", [{}, {"reversible": True}, {"magnitudes": True}], ids=str)
def test_every_band_costs_what_it_costs_in_the_float_model(options):
    """Bands differ much, so that layers in another band's place, or inputs in another order, cost far more."""
    model = shake(entropy("context", oriented=True, **options), std=0.05).eval()
    for number, part in enumerate((model.siblings, model.own, model.deeper, model.mix, model.head)):
        shake(part, number, std=0.3)
    q = noise((30, 32, 31), spread=2.0)
    expected = model(q, torch.full((2,), 4.5)).sum(dim=0)
    coder = BandCoder(integer_model(model))
    real = torch.tensor([[8 * len(segment) for segment in tile] for tile in coder.encode(q, STEP)]).sum(dim=0)
    ratio = (real - 24) / expected
    assert float(ratio.max()) < 1.05, ratio  # float tails are thinner: it may be much less


@torch.no_grad()
def test_the_layers_of_one_band_change_the_bits_of_that_band_alone(integers):
    letters = BAND_LETTERS.index("HLH")
    q = noise((16, 14, 15), spread=2.0)
    before = BandCoder(integers).encode(q, STEP)[0]
    layers = dict(integers.layers)
    for kind in ("siblings", "own", "widen", "narrow", "mix", "head"):
        name = f"{kind}.{letters}"
        layers[name] = replace(layers[name], bias=layers[name].bias + (1 << 8))
        after = BandCoder(replace(integers, layers=layers)).encode(q, STEP)[0]
        changed = [place for place, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
        assert changed == [letters, 7 + letters]
        layers = dict(integers.layers)


@pytest.mark.parametrize("name", ["head.3", "widen.0", "narrow.7", "siblings.2", "own.5", "coarse0", "coarse1"])
def test_a_band_without_its_layer_is_refused(integers, name):
    layers = {other: layer for other, layer in integers.layers.items() if other != name}
    with pytest.raises(ValueError, match="fit"):
        replace(integers, layers=layers)


@pytest.mark.parametrize("name", ["head.3", "widen.0", "narrow.7", "siblings.2", "own.5", "mix.1", "block0", "coarse1"])
def test_a_layer_that_does_not_fit_is_refused(integers, name):
    layer = integers.layers[name]
    fewer = replace(layer, weight=layer.weight[:-1])
    smaller = replace(layer, limit=1)
    for other in (fewer, smaller):
        with pytest.raises(ValueError, match=f"the layer {name} does not fit"):
            replace(integers, layers=integers.layers | {name: other})


def test_the_first_band_must_not_see_itself(integers):
    layer = integers.layers["siblings.0"]
    with pytest.raises(ValueError, match=r"siblings\.0 does not fit"):
        replace(integers, layers=integers.layers | {"siblings.0": replace(layer, weight=layer.weight + 1)})


def test_shared_layers_have_no_deeper_ones(integers):
    shared = integer_model(entropy("context"))
    deeper = {kind: integers.layers[f"{kind}.0"] for kind in ("widen", "narrow")}
    with pytest.raises(ValueError, match="layers do not fit"):
        replace(shared, layers=shared.layers | deeper)


def test_magnitudes_need_layers_for_them(integers):
    with pytest.raises(ValueError, match=r"own\.0 does not fit"):
        replace(integers, magnitudes=1)


def test_a_model_survives_its_file(integers):
    assert from_arrays(integer_model(entropy("context", magnitudes=True))).magnitudes == 1
    assert from_arrays(integers).magnitudes is None
    assert from_arrays(integers).oriented
    assert not from_arrays(integer_model(entropy("context"))).oriented
