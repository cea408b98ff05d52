"""Measuring whole volumes: tiles, dtypes, agreement with the model's own figures."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwave.datamodules import Volume
from aiwave.evaluation.details import detail
from aiwave.evaluation.measure import measure_volume, tiles
from aiwave.report.metrics.similarity import ssim
from tests.builders import codec
from tests.conftest import textured


@settings(deadline=None)
@given(shape=st.tuples(*[st.integers(1, 40)] * 3), side=st.integers(1, 17))
def test_tiles_cover_every_voxel_once_and_are_small_and_even(shape, side):
    count = np.zeros(shape, int)
    for part in tiles(shape, side):
        count[part] += 1
        sides = [s.stop - s.start for s in part]
        assert max(sides) <= side
    assert (count == 1).all()
    per_axis = {axis: {p[axis].stop - p[axis].start for p in tiles(shape, side)} for axis in range(3)}
    assert all(max(lengths) - min(lengths) <= 1 for lengths in per_axis.values())


def test_a_row_agrees_with_the_model():
    model = codec().eval()
    voxels = textured((16, 16, 16), 5)
    row = measure_volume(model, Volume("set", "a.tif", voxels), 8.0, 255.0, tile=16).row
    x = torch.from_numpy(voxels.astype(np.float32))[None, None]
    with torch.no_grad():
        coded = model(x, torch.tensor([8.0]))
    error = np.clip(np.round(coded.x_hat.numpy()[0, 0]), 0, 255) - voxels
    assert row.bpp == pytest.approx(coded.bpp.item(), rel=1e-5)
    assert row.psnr_db == pytest.approx(10 * math.log10(255**2 / (error.astype(float) ** 2).mean()), abs=1e-3)
    assert row.codec == "aiwave_affine_context (estimated)"
    assert (row.dataset, row.file, row.quality) == ("set", "a.tif", 8.0)


def test_tiles_change_the_rate_little_and_signed_volumes_keep_their_sign():
    model = codec("cdf97").eval()
    voxels = textured((32, 16, 16), 5).astype(np.int16) - 500
    whole, tiled = (measure_volume(model, Volume("s", "f", voxels), 1.0, 65535.0, tile).row for tile in (32, 16))
    assert whole.psnr_db > 90
    assert tiled.bpp == pytest.approx(whole.bpp, rel=0.3)
    assert tiled.bpp != whole.bpp


def test_what_was_decoded_is_what_was_measured_across_tiles():
    model = codec("cdf97").eval()
    voxels = textured((24, 20, 18), 5)
    measured = measure_volume(model, Volume("s", "f", voxels), 8.0, 255.0, 16)
    error = measured.decoded.astype(int) - voxels
    assert measured.decoded.dtype == voxels.dtype
    assert measured.row.max_error == np.abs(error).max()
    assert measured.row.psnr_db == pytest.approx(10 * math.log10(255**2 / np.square(error).mean()))
    found = detail(measured.row, voxels, measured.decoded, 255.0, similarity=True)
    assert found.mse == pytest.approx(np.square(error).mean())
    assert found.compression_ratio == pytest.approx(8 / measured.row.bpp)
    assert found.ssim == ssim(torch.from_numpy(measured.decoded), torch.from_numpy(voxels))
    assert 0.3 < found.ms_ssim < 1
    assert detail(measured.row, voxels, measured.decoded, 255.0, similarity=False).ssim is None
