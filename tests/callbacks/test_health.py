"""Numbers stay finite: gradients at the start, the affine inverse, mixed precision, checkpoints."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwave.cli import main
from aiwave.models.codec import WaveletCodec
from aiwave.models.conv import Conv3d
from aiwave.models.entropy import Laplace, LogisticMixture, MonotoneNet
from aiwave.models.post import NoPost, PostFilter, PublishedPost
from aiwave.models.quantisation.rate import FixedRate, VariableRate
from aiwave.models.transform.lifting import BoundedScale, PublishedScale
from aiwave.report.tables import read_rd_csv
from tests.builders import codec, entropy, shake, transform

PEAKS = {8: 255, 16: 65535}
SCALES = {"affine": BoundedScale(), "published": PublishedScale()}


def noise(bits, side=8):
    return PEAKS[bits] * torch.rand(2, 1, side, side, side, generator=torch.Generator().manual_seed(bits))


def assert_finite_gradients(model, x, step):
    coded = model(x, step)
    (coded.bpp + (coded.x_hat - x).square().mean()).mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is None or torch.isfinite(parameter.grad).all(), name
    reached = [n for n, child in model.named_children() if any(p.grad is not None for p in child.parameters())]
    assert "entropy" in reached


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("density", [LogisticMixture(2), Laplace(), MonotoneNet()])
@pytest.mark.parametrize("kind", ["context", "factorized", "published"])
def test_gradients_of_every_entropy_model_are_finite_at_the_start(kind, density, bits):
    model = codec("additive")
    model.entropy = entropy(kind, density=density)
    assert_finite_gradients(model, noise(bits), torch.tensor([2.0, 40.0]))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("kind", ["cdf97", "cdf53", "additive", "affine", "published"])
@pytest.mark.parametrize("options", [{"sharing": "axial"}, {"sharing": "none"}, {"boundary": "published"}])
def test_gradients_of_every_transform_are_finite_at_the_start(kind, options, bits):
    model = codec()
    model.transform = transform("affine" if kind in SCALES else kind, scale=SCALES.get(kind), **options)
    assert_finite_gradients(model, noise(bits), torch.tensor([2.0, 40.0]))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("post", [NoPost(), PostFilter(4, 1), PublishedPost(4, 1, 65536.0)])
@pytest.mark.parametrize("rate", ["fixed", "variable"])
@pytest.mark.parametrize("per_band", [False, True])
def test_gradients_of_every_filter_and_rate_are_finite_at_the_start(rate, per_band, post, bits):
    fixed = rate == "fixed"
    chosen = FixedRate(9.0, per_band=per_band) if fixed else VariableRate([1, 2], [1], per_band=per_band)
    model = WaveletCodec(transform("affine"), chosen, entropy("context"), post)
    step, _ = chosen.sample(2, torch.Generator())
    assert_finite_gradients(model, noise(bits), step)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**16), std=st.floats(0.01, 100), bound=st.floats(0.1, 1))
def test_the_affine_inverse_never_divides_by_less_than_its_bound(seed, std, bound):
    model = shake(transform("affine", scale=BoundedScale(bound)), seed, std)
    factors = []
    for scale in {step.net.scale for scheme in model.schemes for step in scheme.steps}:
        scale.register_forward_hook(lambda _module, _inputs, factor: factors.append(factor.min()))
    with torch.no_grad():
        model.inverse(model(noise(8, side=4)))
    assert len(factors) == 2 * 2 * 3 * 4  # there and back, two levels, three axes, four steps
    assert min(factors) >= math.exp(-bound) * (1 - 1e-6)


@pytest.mark.parametrize("sharing", ["isotropic", "axial", "none"])
def test_sharing_is_of_parameters_and_survives_a_checkpoint(sharing, tmp_path):
    shared = shake(transform("affine", sharing=sharing))
    torch.save(shared.state_dict(), tmp_path / "weights.ckpt")
    loaded = transform("affine", sharing=sharing)
    loaded.load_state_dict(torch.load(tmp_path / "weights.ckpt", weights_only=True))
    schemes = {"isotropic": 1, "axial": 2, "none": 7}[sharing]
    for model in (shared, loaded):
        uses = [id(model.schemes[index].steps[0].taps) for row in model.scheme_of_part for index in row]
        assert len(uses) == 7
        assert len(set(uses)) == schemes
    before = [bands.clone() for bands in loaded(noise(8)).details]
    with torch.no_grad():
        loaded.schemes[-1].steps[0].taps.add_(0.1)  # whoever shares it must see the change
    changed = [(a != b).any(dim=(0, 2, 3, 4)) for a, b in zip(before, loaded(noise(8)).details, strict=True)]
    assert changed[1].sum() == {"isotropic": 7, "axial": 7, "none": 2}[sharing]  # none: x of the high-high quarter


@pytest.mark.slow
def test_bfloat16_trains_200_steps_without_a_nan(tmp_path):
    """The gradient check of the training stops at the first number that is not finite."""
    data = ["dataset.crop=[16,16,16]", "dataset.batch_size=1", "dataset.epoch_steps=67", "dataset.val_crops=1"]
    epochs = [f"schedule.stages.{name}.epochs=1" for name in ("additive", "affine", "finetune")]
    options = ["model=tiny", "trainer.precision=bf16-mixed", "logger=none", "callbacks=quiet", "dataset.steps=[10]"]
    assert main(["train", *options, *data, *epochs, f"run_dir={tmp_path}/run"]) == 0
    assert all(math.isfinite(row.bpp) and row.psnr_db > 25 for row in read_rd_csv(tmp_path / "run/rd.csv"))


@pytest.mark.parametrize("side", [1, 2, 3, 4])
def test_bfloat16_gradients_of_small_volumes_are_those_of_float32(side):
    """Whatever memory held before: the kernel for the gradient of the weights may leave parts of it as they were."""
    torch.manual_seed(0)
    conv, x = Conv3d(16, 16), torch.randn(4, 16, side, side, side)
    conv(x).sum().backward()
    expected = conv.weight.grad
    for _ in range(20):
        conv.weight.grad = None
        dirty = [torch.full((size,), 1e35) for size in (27, 216, 1728, 3456, 6912, 13824) for _ in range(6)]
        del dirty
        with torch.autocast("cpu", torch.bfloat16):
            y = conv(x)
        y.float().sum().backward()
        torch.testing.assert_close(conv.weight.grad, expected, rtol=0.05, atol=0.3)
