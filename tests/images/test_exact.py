"""Voxels become unsigned integers exactly, or are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aiwave.errors import AiwaveError
from aiwave.images.exact import to_stored

INTEGERS = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "uint64"]


@given(st.data(), st.sampled_from(INTEGERS), st.none() | st.integers(-40000, 40000))
def test_integers_come_back_or_are_refused(data, dtype, offset):
    limits = np.iinfo(dtype)
    middle = data.draw(st.integers(limits.min, limits.max))
    elements = st.integers(max(limits.min, middle - 33000), min(limits.max, middle + 33000))
    voxels = data.draw(arrays(dtype, (2, 2, 3), elements=elements))
    low, high = int(voxels.min()), int(voxels.max())
    expected = offset if offset is not None else (low if low < 0 or high > 65535 else 0)
    expected = min(expected, low)
    if high - expected > 65535:
        with pytest.raises(AiwaveError, match=rf"values from {low} to {high}, .* more than 16 bits"):
            to_stored("a", voxels, offset, False)
        return
    stored = to_stored("a", voxels, offset, False)
    assert stored.offset == expected
    assert stored.voxels.dtype == (np.uint8 if voxels.itemsize == 1 and high - expected <= 255 else np.uint16)
    assert [int(v) + stored.offset for v in stored.voxels.flat] == [int(v) for v in voxels.flat]
    if abs(expected) < 2**62 and high < 2**62:
        np.testing.assert_array_equal(stored.voxels.astype(np.int64) + stored.offset, voxels.astype(np.int64))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("allow", [False, True])
def test_floats_with_integer_values_are_exact(dtype, allow):
    voxels = np.array([[[-3, 0, 2000]]], dtype)
    stored = to_stored("a", voxels, None, allow)
    assert (stored.offset, stored.rounding, stored.voxels.dtype) == (-3, 0, np.uint16)
    np.testing.assert_array_equal(stored.voxels.astype(np.int64) - 3, voxels)


def test_floats_with_fractions_need_permission():
    voxels = np.array([[[0.25, 2.0, 3.75]]], np.float32)
    with pytest.raises(AiwaveError, match=r"holds float32 voxels with fractions: .* source\.allow_float=true"):
        to_stored("a", voxels, None, False)
    stored = to_stored("a", voxels, None, True)
    assert (stored.voxels.ravel().tolist(), stored.rounding) == ([0, 2, 4], 0.25)


@pytest.mark.parametrize(
    ("value", "words"), [(np.nan, "NaN or infinite"), (-np.inf, "NaN or infinite"), (1e30, "beyond the range of 16")]
)
def test_floats_that_are_no_integers_of_16_bits(value, words):
    for allow in (False, True):
        with pytest.raises(AiwaveError, match=words):
            to_stored("a", np.array([[[0, value]]]), None, allow)


@pytest.mark.parametrize("dtype", ["complex64", "bool"])
def test_other_types(dtype):
    with pytest.raises(AiwaveError, match=rf"holds {dtype} voxels: save it with integers"):
        to_stored("a", np.ones((1, 1, 1), dtype), None, True)
