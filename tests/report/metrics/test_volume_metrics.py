import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from aiwave.errors import AiwaveError
from aiwave.report.metrics.volume_metrics import Bpp, Psnr

shapes = hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=6)


@st.composite
def volume_pairs(draw, dtype, peak):
    shape = draw(shapes)
    volumes = hnp.arrays(dtype, shape, elements=st.integers(0, peak))
    return draw(volumes), draw(volumes)


def closed_form(x, y, peak):
    error = sum((int(a) - int(b)) ** 2 for a, b in zip(x.flat, y.flat, strict=True))
    return math.inf if error == 0 else 20 * math.log10(peak) - 10 * math.log10(error / x.size)


@pytest.mark.parametrize(("dtype", "peak"), [(np.uint8, 255), (np.uint16, 65535)])
@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_psnr_of_any_volume_is_its_closed_form(data, dtype, peak):
    x, y = data.draw(volume_pairs(dtype, peak))
    psnr = Psnr(peak)
    psnr.update(torch.from_numpy(x), torch.from_numpy(y))
    assert psnr.compute().dtype == torch.float64
    assert psnr.compute().item() == pytest.approx(closed_form(x, y, peak), rel=1e-13, abs=1e-12)


def test_psnr_of_one_wrong_16_bit_voxel_in_two_million():
    target = torch.full((128, 128, 128), 65535.0)
    preds = target.clone()
    preds[5, 6, 7] -= 1
    psnr = Psnr(65535)
    psnr.update(preds, target)
    assert psnr.compute().item() == pytest.approx(10 * math.log10(65535**2 * 128**3), rel=1e-14)


def test_psnr_pools_the_error_of_batches_and_forgets_it_on_reset():
    psnr = Psnr(255)
    psnr.update(torch.zeros(1, 1, 2, 2, 2), torch.full((1, 1, 2, 2, 2), 3.0))
    psnr.update(torch.zeros(1, 1, 4, 4, 4), torch.zeros(1, 1, 4, 4, 4))
    assert psnr.compute().item() == pytest.approx(10 * math.log10(255**2 / (9 * 8 / 72)))
    psnr.reset()
    psnr.update(torch.ones(1, 1, 1), torch.ones(1, 1, 1))
    assert psnr.compute().item() == math.inf


def test_psnr_stays_float64_in_a_half_precision_module():
    module = torch.nn.Module()
    module.psnr = Psnr(65535)
    module.half()
    module.psnr.update(torch.zeros(2, 2, 2), torch.full((2, 2, 2), 65535))
    assert module.psnr.compute().item() == pytest.approx(0, abs=1e-12)
    assert module.psnr.sum_squared_error.dtype == torch.float64


@pytest.mark.parametrize("peak", [0, -1, math.inf, math.nan])
def test_psnr_rejects_an_impossible_peak(peak):
    with pytest.raises(AiwaveError, match="peak"):
        Psnr(peak)


def test_psnr_rejects_other_shapes_and_nothing_at_all():
    with pytest.raises(AiwaveError, match="equal shapes"):
        Psnr(255).update(torch.zeros(2, 2, 2), torch.zeros(2, 2, 3))
    with pytest.raises(AiwaveError, match="no voxels"), pytest.warns(UserWarning, match="compute"):
        Psnr(255).compute()


batches_of_bits = st.tuples(st.lists(st.integers(0, 2**40), max_size=4), st.integers(1, 2**40))


@given(batches=st.lists(batches_of_bits, min_size=1))
def test_bpp_is_all_bits_over_all_voxels(batches):
    bpp = Bpp()
    for bits, voxels in batches:
        bpp.update(torch.tensor(bits), voxels)
    expected = sum(sum(bits) for bits, _ in batches) / sum(voxels for _, voxels in batches)
    assert bpp.compute().item() == pytest.approx(expected, rel=1e-14)
    assert bpp.compute().dtype == torch.float64


def test_bpp_takes_a_scalar_with_gradient():
    bpp = Bpp()
    bpp.update(torch.tensor(12.0, requires_grad=True), 8)
    assert bpp.compute().item() == 1.5
    assert not bpp.compute().requires_grad


def test_bpp_rejects_bad_input():
    with pytest.raises(AiwaveError, match="positive number of voxels"):
        Bpp().update(torch.zeros(2), 0)
    with pytest.raises(AiwaveError, match="no voxels"), pytest.warns(UserWarning, match="compute"):
        Bpp().compute()
