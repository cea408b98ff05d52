"""Whole streams, of volumes and series: both cores write the same bytes and read the same voxels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwave.api import compress, decompress
from aiwave.coding.core import compiled_core
from tests.files import file_model

pytestmark = pytest.mark.skipif(compiled_core() is None, reason="the compiled core is missing")

EXACT = {
    "lossless": {"lossless": True},
    "learned": {"lossless": True},
    "sections": {"lossless": True},
    "voxels": {"lossless": True},
    "plain": {"step": 3.0},
    "dependent": {"step": 3.0},
    "trellis": {"step": 3.0},
}
"""Quality by kind of model, without those whose networks compute in float32."""


@pytest.mark.parametrize("kind", EXACT)
@given(
    shape=st.lists(st.integers(1, 11), min_size=3, max_size=4).map(tuple),
    dtype=st.sampled_from(["uint8", "int8", "uint16", "int16"]),
    spread=st.sampled_from([2, 100, 4000]),
    seed=st.integers(0, 99),
)
@settings(max_examples=12, deadline=None)
def test_both_cores_agree_on_whole_streams(kind, shape, dtype, spread, seed):
    limits, generator = np.iinfo(dtype), np.random.default_rng(seed)
    walk = generator.normal(0, spread / 4, shape).cumsum(axis=-1) + (limits.min + limits.max) / 2
    volume = np.clip(walk, limits.min, limits.max).astype(dtype)
    streams, voxels = {}, {}
    for core in ("native", "reference"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AIWAVE_CORE", core)
            streams[core] = compress(volume, file_model(kind), tile=8, model_only=True, **EXACT[kind])
            voxels[core] = decompress(streams["native"], model=file_model(kind))
    assert streams["native"] == streams["reference"]
    np.testing.assert_array_equal(voxels["native"], voxels["reference"])
    assert voxels["native"].shape == shape
    assert voxels["native"].dtype == dtype
    if "lossless" in EXACT[kind]:
        np.testing.assert_array_equal(voxels["native"], volume)
