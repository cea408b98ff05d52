"""Errors of converted chunks, summed over records that JSON holds."""

import json
import math

import numpy as np
import pytest

from aiwave.conversion.errors_seen import ErrorsSeen
from aiwave.conversion.outcome import table_of


def recorded(seen):
    return ErrorsSeen.of(json.loads(json.dumps(seen.as_dict())))


def test_the_psnr_of_parts_is_that_of_the_whole():
    generator = np.random.default_rng(0)
    voxels = generator.normal(size=(4, 5, 6))
    decoded = voxels + generator.normal(size=voxels.shape) / 10
    seen = recorded(ErrorsSeen.between(voxels[:2], decoded[:2])) + recorded(ErrorsSeen.between(voxels[2:], decoded[2:]))
    expected = 10 * math.log10(np.ptp(voxels) ** 2 / np.mean((decoded - voxels) ** 2))
    assert seen.psnr(voxels.dtype) == pytest.approx(expected)
    assert seen.largest == np.abs(decoded - voxels).max()


@pytest.mark.parametrize("size", [1e200, 1e-200, 1.0])
def test_any_error_has_a_line_in_the_table(size):
    voxels = np.full((2, 3, 4), 3 * size)
    seen = recorded(ErrorsSeen.between(voxels, voxels + np.arange(24).reshape(2, 3, 4) % 2 * size))
    psnr = seen.psnr(voxels.dtype)
    assert not math.isfinite(psnr)
    counts = {"voxels": 24, "measured_voxels": 24, "bytes_before": 192, "bytes_after": 10, "seconds": 1.0}
    row = {"path": "0", "method": "", "psnr_db": None, "max_error": seen.largest, **counts}
    assert f"{size:g}" in table_of([row], [voxels.shape])
