"""Lossless transforms: integers in, integers out, and back without one wrong bit."""

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwave.models.transform.wavelet_transform import ReversibleTransform
from tests.builders import shake, transform

DEPTHS = [8, 12, 16]


def integers(bits, size, seed=0, signed=False):
    generator = torch.Generator().manual_seed(seed)
    low = -(1 << bits - 1) if signed else 0
    return torch.randint(low, low + (1 << bits), (1, 1, *size), generator=generator)


def check(reversible, x):
    """Exactly reversible, over integers. Returns the subbands."""
    with torch.no_grad():
        bands = reversible(x)
        back = reversible.inverse(bands)
    assert torch.equal(back, x.double())
    for level in (bands.approx, *bands.details):
        assert torch.equal(level, level.round())
    return bands


@pytest.mark.parametrize("bits", DEPTHS)
@pytest.mark.parametrize("kind", ["cdf53", "additive"])
def test_all_small_sizes_come_back_exactly(kind, bits):
    """Every size 1..9 of every axis; the combinations of unequal ones are drawn in the next test."""
    reversible = ReversibleTransform(shake(transform(kind, channels=2), std=0.3))
    for size in range(1, 10):
        for shape in {(size, 4, 5), (5, size, 4), (4, 5, size), (size, size, size), (size, 1, 1)}:
            check(reversible, integers(bits, shape, seed=size))


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(*[st.integers(1, 9)] * 3),
    kind=st.sampled_from(["cdf53", "cdf97", "additive"]),
    levels=st.integers(1, 5),
    sharing=st.sampled_from(["isotropic", "axial", "none"]),
    boundary=st.sampled_from(["symmetric", "published"]),
    bits=st.sampled_from(DEPTHS),
    double=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_every_variant_is_exact_on_every_size(size, kind, levels, sharing, boundary, bits, double, seed):
    model = shake(transform(kind, levels, channels=2, sharing=sharing, boundary=boundary), seed, std=0.3)
    check(ReversibleTransform(model.double() if double else model), integers(bits, size, seed, signed=seed % 2 == 0))


@pytest.mark.parametrize(("kind", "size"), [("cdf53", (64, 64, 64)), ("additive", (33, 48, 40))])
def test_large_volumes_come_back_exactly(kind, size):
    check(ReversibleTransform(shake(transform(kind), std=0.2)), integers(16, size))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cdf53", "additive"])
def test_every_combination_of_small_sizes(kind):
    reversible = ReversibleTransform(shake(transform(kind, channels=2), std=0.3))
    for size in product(range(1, 10), repeat=3):
        check(reversible, integers(16, size))


def mirrored(values, k):
    """values[k], the list mirrored about its first and last entry."""
    return values[-k] if k < 0 else values[2 * (len(values) - 1) - k] if k >= len(values) else values[k]


def test_cdf53_is_the_reversible_wavelet_of_jpeg_2000():
    """ISO/IEC 15444-1, equations F-5 and F-6, written out sample by sample along z."""
    x = integers(8, (16, 2, 2), signed=True)
    column = x[0, 0, :, 0, 0].tolist()
    high = [column[k] - (mirrored(column, k - 1) + mirrored(column, k + 1)) // 2 for k in range(1, 16, 2)]
    both = [high[k // 2] if k % 2 else column[k] for k in range(16)]
    low = [both[k] + (mirrored(both, k - 1) + mirrored(both, k + 1) + 2) // 4 for k in range(0, 16, 2)]
    ours = ReversibleTransform(transform("cdf53", levels=1)).schemes[0](x.double())
    assert ours[0][0, 0, :, 0, 0].tolist() == low
    assert ours[1][0, 0, :, 0, 0].tolist() == high


def test_a_smooth_volume_has_small_details():
    z, y, x = torch.meshgrid(*[torch.arange(16)] * 3, indexing="ij")
    bands = check(ReversibleTransform(transform("cdf53")), (10 * z + 7 * y + 3 * x)[None, None])
    assert bands.details[1][..., :-1, :-1, :-1].abs().max() <= 1


def test_weights_are_shared_and_get_gradients():
    lossy = shake(transform("additive"))
    reversible = ReversibleTransform(lossy)
    assert {id(p) for p in reversible.parameters()} == {id(p) for p in lossy.parameters()}
    sum(level.square().sum() for level in reversible(integers(8, (8, 8, 8))).details).backward()
    heads = [p.grad for name, p in lossy.named_parameters() if "shift_head.weight" in name]
    assert len(heads) == 4
    assert all(torch.isfinite(g).all() and g.abs().max() > 0 for g in heads)


def test_affine_lifting_is_refused():
    with pytest.raises(ValueError, match=r"affine lifting is not reversible .* additive or cdf53"):
        ReversibleTransform(transform("affine"))
