"""Coefficients beyond the voxels of a tile are left out, and no voxel notices."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwave.bitstream import compress, decompress
from aiwave.models import ReversibleTransform, WaveletTransform
from aiwave.models.beyond import needed, without_beyond
from aiwave.models.boundary import Phase
from aiwave.models.separable import pad_to_multiple

from .conftest import textured
from .files import file_model

SIZES = st.tuples(*[st.integers(1, 21)] * 3)


def plain(wavelet, levels, sharing="isotropic"):
    transform = WaveletTransform(wavelet, levels, sharing)
    return (ReversibleTransform(transform) if wavelet == "cdf53" else transform).double()


@pytest.mark.parametrize(
    ("wavelet", "sharing"), [("cdf53", "isotropic"), ("cdf97", "isotropic"), ("cdf53", "sections")]
)
@given(size=SIZES, levels=st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_no_voxel_depends_on_what_is_left_out(wavelet, sharing, size, levels):
    transform = plain(wavelet, levels, sharing)
    x = torch.randint(-500, 500, (1, 1, *size), generator=torch.Generator().manual_seed(sum(size))).double()
    with torch.no_grad():
        q = transform(pad_to_multiple(x, 2**levels, mirrored=False))
        kept = without_beyond(q, size, transform.lifting_sources)
        assert torch.allclose(transform.inverse(kept, size), x, atol=1e-9 if wavelet == "cdf53" else 1e-3)


@pytest.mark.parametrize(("steps", "size", "count"), [(2, 26, 14), (2, 25, 13), (2, 1, 1), (4, 26, 15), (4, 25, 14)])
def test_as_many_as_the_filters_reach(steps, size, count):
    assert needed(size, [Phase.EVEN, Phase.ODD] * (steps // 2)) == count


def test_one_less_than_needed_would_be_noticed():
    transform = plain("cdf53", 1)
    x = torch.randint(0, 500, (1, 1, 25, 16, 16), generator=torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        q = transform(pad_to_multiple(x, 2, mirrored=False))
        q.details[0][:, :, 12] = 0  # the last of 13
        assert not torch.equal(transform.inverse(q, x.shape[2:]), x)


def test_a_few_slices_more_than_a_multiple_cost_little_more():
    volume = textured((33, 48, 48), 5)
    whole, more = (compress(volume[:depth], file_model(), lossless=True) for depth in (32, 33))
    assert len(more) < 1.12 * len(whole)
    assert (decompress(more, model=file_model()) == volume).all()
