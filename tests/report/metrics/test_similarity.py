"""Errors and structural similarity of volumes, against closed forms and a slow reference."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d

from aiwave.errors import AiwaveError
from aiwave.report.metrics.similarity import WEIGHTS, ms_ssim, scale_weights, ssim
from aiwave.report.metrics.volume_metrics import MaxError, Mse, compression_ratio
from tests.conftest import textured


@settings(deadline=None, max_examples=30)
@given(parts=st.lists(st.lists(st.integers(-70000, 70000), min_size=1, max_size=5), min_size=1, max_size=4))
def test_mse_and_the_largest_error_pool_batches(parts):
    mse, worst = Mse(), MaxError()
    for part in parts:
        target = torch.full((len(part),), 3)
        for metric in (mse, worst):
            metric.update(target + torch.tensor(part), target)
    errors = [error for part in parts for error in part]
    assert mse.compute().item() == pytest.approx(sum(e * e for e in errors) / len(errors), rel=1e-14)
    assert worst.compute().item() == max(abs(e) for e in errors)


def test_the_compression_ratio_is_stored_bits_over_coded_ones():
    assert compression_ratio(16, 0.5) == 32
    assert compression_ratio(8, 0) is None
    with pytest.raises(AiwaveError, match="no compression ratio of 8 stored bits to -1 bit/voxel"):
        compression_ratio(8, -1)


def test_unsigned_voxels_do_not_wrap():
    worst = MaxError()
    worst.update(torch.tensor([0], dtype=torch.uint8), torch.tensor([255], dtype=torch.uint8))
    assert worst.compute().item() == 255


def blurred(volume):
    for axis in range(3):
        volume = gaussian_filter1d(volume, 1.5, axis=axis, radius=5, mode="constant")
    return volume[5:-5, 5:-5, 5:-5]


def reference(x, y):
    """Mean SSIM and contrast term of Wang et al. in float64, windows wholly inside."""
    c1, c2 = 0.01**2, 0.03**2
    mx, my = blurred(x), blurred(y)
    vx, vy, vxy = blurred(x * x) - mx**2, blurred(y * y) - my**2, blurred(x * y) - mx * my
    contrast = (2 * vxy + c2) / (vx + vy + c2)
    return ((2 * mx * my + c1) / (mx**2 + my**2 + c1) * contrast).mean(), contrast.mean()


def pair(shape, scale=1, offset=0):
    original = textured(shape, 1).astype(np.int64) * scale + offset
    noise = np.random.default_rng(2).normal(0, 6 * scale, shape).round().astype(np.int64)
    return original + noise, original


def unit(decoded, original):
    span = original.max() - original.min()
    return [(volume - original.min()) / span for volume in (decoded, original)]


@pytest.mark.parametrize(("scale", "offset"), [(1, 0), (250, 1000), (4, -1024)])
def test_ssim_is_its_definition_at_any_depth(scale, offset):
    decoded, original = pair((20, 24, 22), scale, offset)
    expected, _ = reference(*unit(decoded, original))
    assert 0.5 < expected < 0.99
    assert ssim(torch.from_numpy(decoded), torch.from_numpy(original)) == pytest.approx(expected, abs=1e-4)


def test_ms_ssim_of_a_small_volume_is_its_definition_on_two_scales():
    decoded, original = pair((24, 24, 26))
    x, y = unit(decoded, original)
    contrast = reference(x, y)[1]
    halves = [v.reshape(12, 2, 12, 2, 13, 2).mean(axis=(1, 3, 5)) for v in (x, y)]
    coarse = reference(*halves)[0]
    first, second = (weight / sum(WEIGHTS[:2]) for weight in WEIGHTS[:2])
    expected = contrast**first * coarse**second
    assert ms_ssim(torch.from_numpy(decoded), torch.from_numpy(original)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("side", "scales"), [(11, 1), (22, 2), (44, 3), (64, 3), (99, 4), (176, 5), (500, 5)])
def test_small_volumes_get_fewer_scales(side, scales):
    weights = scale_weights(side)
    assert len(weights) == scales
    assert sum(weights) == pytest.approx(1)


def test_equal_volumes_are_as_similar_as_can_be_and_small_ones_are_refused():
    flat = torch.full((12, 12, 12), 7)
    assert ssim(flat, flat) == pytest.approx(1)
    with pytest.raises(AiwaveError, match="at least 11 voxels"):
        ssim(flat[:10], flat[:10])
    with pytest.raises(AiwaveError, match="two equal volumes"):
        ms_ssim(flat, flat[:11])
