"""The wavelet-like transform: exact inverse, agreement with PyWavelets, identity at the start, learning."""

import numpy as np
import pytest
import pywt
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwave.models.conv import multiplies_bfloat16
from aiwave.models.transform.layout import Sharing
from aiwave.models.transform.lifting import BoundedScale, PublishedScale
from aiwave.models.transform.wavelet_transform import WaveletTransform
from tests.builders import lifting_net, shake, transform

KINDS = ["cdf97", "cdf53", "additive", "hybrid", "affine"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sharing", list(Sharing))
@pytest.mark.parametrize("boundary", ["symmetric", "published"])
def test_reconstruction_is_perfect_whatever_the_weights(kind, sharing, boundary):
    codec = shake(transform(kind, sharing=sharing, boundary=boundary)).double()
    x = 255 * torch.rand(2, 1, 13, 8, 22, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        back = codec.inverse(codec(x))
    assert (back - x).abs().max() < 1e-9 * x.abs().max()


@settings(max_examples=25, deadline=None)
@given(
    size=st.tuples(*[st.integers(1, 9)] * 3),
    levels=st.integers(1, 5),
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 2**16),
)
def test_reconstruction_is_perfect_for_small_and_odd_sizes(size, levels, kind, seed):
    codec = shake(transform(kind, levels=levels, channels=2), seed).double()
    x = torch.randn(1, 1, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        subbands = codec(x)
        back = codec.inverse(subbands)
    assert subbands.levels == levels
    assert back.shape == x.shape
    assert (back - x).abs().max() < 1e-9 * x.abs().max()


def test_cdf97_is_the_biorthogonal_wavelet_of_pywavelets():
    x = np.random.default_rng(1).standard_normal((32, 40, 48))
    ours = WaveletTransform("cdf97", levels=1).double()(torch.from_numpy(x)[None, None])
    theirs = pywt.dwtn(x, "bior4.4", mode="periodization")  # another boundary: compare away from it
    inside = (slice(3, -3),) * 3
    for letters, band in zip(
        ("aad", "ada", "add", "daa", "dad", "dda", "ddd"), ours.details[0][0].numpy(), strict=True
    ):
        sign = (-1) ** letters.count("d")
        np.testing.assert_allclose(band[inside], sign * theirs[letters][inside], atol=1e-5)


def test_symmetric_boundary_keeps_a_constant_free_of_details_and_published_does_not_keep_a_ramp():
    ramp = torch.arange(16.0, dtype=torch.float64).view(1, 1, 16, 1, 1).expand(1, 1, 16, 16, 16)
    details = {
        b: WaveletTransform("cdf97", 1, boundary=b).double()(ramp).details[0] for b in ("symmetric", "published")
    }
    flat = WaveletTransform("cdf97", 1).double()(torch.full_like(ramp, 7)).details[0]
    assert flat.abs().max() < 1e-6  # what the published factors' digits leave
    assert details["symmetric"].square().sum() < details["published"].square().sum()


def test_letters_name_the_axis_that_is_high():
    alternating = torch.tensor([1.0, -1.0]).repeat(8)
    volume = alternating.view(1, 1, 1, 1, 16).expand(1, 1, 16, 16, 16)  # oscillates along x
    details = WaveletTransform("cdf97", 1)(volume).details[0][0].square().sum(dim=(1, 2, 3))
    assert details.argmax() == 0  # HLL
    assert details[0] > 0.99 * details.sum()


def test_trained_variants_start_as_the_plain_wavelet():
    x = 200 * torch.rand(2, 1, 8, 8, 8)
    plain = transform("cdf97")(x)
    for kind in ("additive", "hybrid", "affine"):
        started = transform(kind)(x)
        torch.testing.assert_close(started.details[1], plain.details[1])
        torch.testing.assert_close(started.approx, plain.approx)


def test_a_hybrid_transform_is_the_additive_one_without_networks_in_its_first_steps():
    hybrid, additive = transform("hybrid"), transform("additive")
    assert hybrid.kind == "hybrid"
    assert {name.split(".")[3] for name in hybrid.state_dict() if ".net." in name} == {"2", "3"}
    shake(hybrid)
    missing = additive.load_state_dict(hybrid.state_dict(), strict=False).missing_keys  # they stay the identity
    assert missing
    assert all(".net." in name for name in missing)
    x = 200 * torch.rand(2, 1, 8, 8, 8)
    torch.testing.assert_close(hybrid(x).details[1], additive(x).details[1])


def test_affine_takes_over_additive_weights_without_changing_one_bit():
    additive = shake(transform("additive"))
    affine = transform("affine")
    missing = affine.load_state_dict(additive.state_dict(), strict=False)
    assert missing.unexpected_keys == []
    assert missing.missing_keys
    assert all("scale_head" in name for name in missing.missing_keys)
    x = 200 * torch.rand(2, 1, 8, 8, 8)
    assert torch.equal(affine(x).details[1], additive(x).details[1])
    assert torch.equal(affine.inverse(affine(x)), additive.inverse(additive(x)))


@pytest.mark.parametrize("scale", [1.0, 16.0])
def test_every_head_has_a_finite_and_non_zero_gradient_at_the_start(scale):
    affine = transform("affine")
    x = 255 * scale * torch.rand(2, 1, 8, 8, 8)
    subbands = affine(x)
    sum(level.square().sum() for level in subbands.details).backward()
    heads = [(n, p.grad) for n, p in affine.named_parameters() if "head" in n and n.endswith("weight")]
    assert len(heads) == 2 * 4
    for name, gradient in heads:
        assert torch.isfinite(gradient).all(), name
        assert gradient.abs().max() > 0, name


@given(raw=st.floats(-1e30, 1e30), bound=st.floats(0.01, 3))
def test_the_scale_is_bounded_and_starts_at_one(raw, bound):
    scale = BoundedScale(bound)
    value = scale(torch.tensor(raw, dtype=torch.float64))
    assert np.exp(-bound) * (1 - 1e-12) <= value <= np.exp(bound) * (1 + 1e-12)
    zero = torch.zeros((), dtype=torch.float64, requires_grad=True)
    one = scale(zero)
    one.backward()
    assert one == 1
    assert zero.grad == 1


def test_the_published_scale_inverts_too_while_it_is_far_from_zero():
    codec = transform("affine", scale=PublishedScale()).double()
    factors = []
    for step in codec.schemes[0].steps:
        torch.nn.init.zeros_(step.net.scale_head.bias)  # from its own start, 1, it never moves
        step.net.scale.register_forward_hook(lambda _module, _inputs, factor: factors.append(factor))
    shake(codec, std=5e-4)
    x = 255 * torch.rand(1, 1, 8, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        back = codec.inverse(codec(x))
    assert min(factor.min() for factor in factors) > 0.1
    assert max(factor.std() for factor in factors) > 0.01
    assert (back - x).abs().max() < 1e-6 * x.abs().max()


@pytest.mark.parametrize(("sharing", "schemes"), [("isotropic", 1), ("axial", 2), ("none", 7)])
def test_sharing_decides_how_many_schemes_there_are(sharing, schemes):
    codec = transform("additive", sharing=sharing)
    one = sum(p.numel() for p in transform("additive", sharing="isotropic").parameters())
    assert sum(p.numel() for p in codec.parameters()) == schemes * one


def test_axial_sharing_gives_the_planes_one_scheme_and_the_axis_another():
    axial = transform("additive", sharing="axial", levels=1)
    shake(axial.schemes[0], seed=1, std=0.1)
    x = 100 * torch.rand(1, 1, 8, 8, 8)
    fixed = transform("cdf97", levels=1)(x)
    bands = axial(x)
    assert not torch.allclose(bands.approx, fixed.approx)  # z is shaken, y and x are still the plain wavelet
    z_low, z_high = axial.schemes[0](x)
    y_low, _ = axial.schemes[1](z_low.transpose(2, 3))
    x_low, _ = axial.schemes[1](y_low.transpose(2, 3).transpose(2, 4))
    torch.testing.assert_close(bands.approx, x_low.transpose(2, 4))
    assert z_high.std() > 0


@pytest.mark.parametrize("wavelet", ["cdf97", "cdf53"])
@pytest.mark.parametrize("length", [2, 3, 5, 8, 13])
def test_a_signal_of_any_length_is_split_as_if_it_went_on_mirrored(wavelet, length):
    x = torch.randn(length, dtype=torch.float64, generator=torch.Generator().manual_seed(length))
    period = torch.cat((x, x[1:-1].flip(0)))
    endless = period.repeat(41)  # an even period, so even places stay even
    scheme = WaveletTransform(wavelet, 1).double().schemes[0]
    low, high = (half.flatten() for half in scheme(x.view(1, 1, -1, 1, 1)))
    far_low, far_high = (half.flatten() for half in scheme(endless.view(1, 1, -1, 1, 1)))
    middle = 20 * len(period) // 2
    torch.testing.assert_close(low, far_low[middle : middle + len(low)])
    torch.testing.assert_close(high, far_high[middle : middle + len(high)])
    assert (len(low), len(high)) == (length - length // 2, length // 2)


def test_a_single_sample_is_scaled_as_a_flat_signal():
    for wavelet in ("cdf97", "cdf53"):
        scheme = WaveletTransform(wavelet, 1).double().schemes[0]
        low, high = scheme(torch.full((1, 1, 1, 1, 1), 3.0, dtype=torch.float64))
        flat, _ = scheme(torch.full((1, 1, 8, 1, 1), 3.0, dtype=torch.float64))
        torch.testing.assert_close(low, flat[:, :, :1])
        assert high.numel() == 0


def test_there_are_as_many_coefficients_as_voxels():
    q = transform("cdf97", levels=3)(torch.randn(1, 1, 13, 7, 1))
    assert sum(d * h * w for d, h, w in q.band_sizes()) == 13 * 7
    for band, size in zip(q.bands(), q.band_sizes(), strict=True):
        kept = band[0, 0, : size[0], : size[1], : size[2]]
        assert torch.count_nonzero(band) == torch.count_nonzero(kept) == kept.numel()


def test_a_fixed_wavelet_has_nothing_to_train():
    assert not [p for p in transform("cdf97").parameters() if p.requires_grad]


def test_levels_below_one_are_refused():
    with pytest.raises(ValueError, match="levels"):
        WaveletTransform(levels=0)


def test_one_volume_without_gradient_takes_the_fast_path_to_the_same_result():
    net = lifting_net(channels=16)
    x = torch.randn(1, 1, 8, 8, 8)
    torch.nn.init.normal_(net.shift_head.weight, std=0.1)
    slow, _ = net(x)
    with torch.no_grad():
        fast, _ = net(x)
    torch.testing.assert_close(fast, slow, rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(not multiplies_bfloat16(), reason="needs a processor that multiplies bfloat16")
def test_mixed_networks_train_in_bfloat16_and_compute_in_float32():
    plain, mixed = shake(lifting_net(channels=16), std=0.1), lifting_net(channels=16, mixed=True)
    mixed.load_state_dict(plain.state_dict())
    x = 200 * torch.rand(2, 1, 12, 12, 12)
    with torch.no_grad():
        assert torch.equal(plain(x)[0], mixed(x)[0])
    shifts = []
    for net in (plain, mixed):
        shift, _ = net(x)
        shift.square().mean().backward()
        shifts.append(shift.detach())
    assert shifts[1].dtype == torch.float32
    assert not torch.equal(*shifts)
    torch.testing.assert_close(shifts[1], shifts[0], rtol=0, atol=0.02 * float(shifts[0].abs().max()))
    for one, other in zip(plain.parameters(), mixed.parameters(), strict=True):
        assert float((one.grad - other.grad).norm() / one.grad.norm()) < 0.02
