"""Voxels of every type come back: exactly in lossless files, within the step in lossy ones, NaN and infinity always."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aiwave.api import compress, decompress, info
from aiwave.bitstream.patterns import from_ordered, ordered
from aiwave.errors import AiwaveError
from tests.conftest import textured
from tests.files import file_model

TYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
FLOATS = ["float16", "float32", "float64"]


def same(a, b):
    """True if two arrays are equal bit by bit, so that zeros have signs and NaN their payload."""
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def lossless(volume, **options):
    return compress(volume, file_model(), lossless=True, tile=8, **options)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from([*TYPES, *FLOATS]))
def test_any_voxels_come_back_bit_by_bit(data, dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hypothesis warns of subnormal numbers
        volume = data.draw(arrays(np.dtype(dtype), (3, 4, 5)))
    assert same(decompress(lossless(volume), model=file_model()), volume)


@pytest.mark.parametrize("dtype", ["uint32", "int32", "uint64", "int64", "float32", "float64"])
def test_many_values_take_planes(dtype):
    rng = np.random.default_rng(0)
    raw = rng.integers(0, 256, (40, 41, 42, np.dtype(dtype).itemsize), np.uint8)
    volume = raw.view(dtype)[..., 0]
    data = compress(volume, file_model(), lossless=True)
    assert info(data)["planes"]
    assert info(data)["shape"] == [40, 41, 42]
    assert same(decompress(data, model=file_model()), volume)
    region = (slice(3, 9), slice(0, 5), slice(30, 42))
    assert same(decompress(data, region, model=file_model()), volume[region])
    series = decompress(compress(volume[None, :8], file_model(), lossless=True), model=file_model())
    assert same(series, volume[None, :8])


def test_previews_of_planes_are_voxels():
    volume = np.random.default_rng(0).normal(size=(48, 40, 41)).astype("f4")
    data = compress(volume, file_model(), lossless=True)
    assert info(data)["planes"]
    assert same(decompress(data, level=1, model=file_model()), np.ascontiguousarray(volume[::2, ::2, ::2]))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "uint64"])
def test_whole_numbers_take_as_few_bytes_as_those_of_16_bits(dtype):
    volume = textured((24, 24, 24), 1).astype(np.int16)
    size = len(compress(volume, file_model(), lossless=True))
    data = compress(volume.astype(dtype), file_model(), lossless=True)
    assert len(data) <= size
    assert same(decompress(data, model=file_model()), volume.astype(dtype))


def test_far_away_and_scaled_values_take_little_more():
    volume = textured((24, 24, 24), 1)
    size = len(compress(volume, file_model(), lossless=True))
    for other in (
        volume.astype("i8") + 10**12,
        volume.astype("f4") * np.float32(0.37) - 5,
        volume.astype("u4") * 70000,
    ):
        data = compress(other, file_model(), lossless=True)
        assert len(data) <= size + 1400
        assert same(decompress(data, model=file_model()), other)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e4])
def test_lossy_steps_are_in_units_of_the_voxels(dtype, unit):
    smooth = textured((24, 24, 24), 1) / 255 + np.linspace(0, 1, 24)
    volume = (smooth * unit * (1e5 if dtype == "int32" else 1)).astype(dtype)
    step = float(np.ptp(volume)) / 100
    data = compress(volume, file_model("plain"), step=step)
    assert info(data)["step"] == pytest.approx(step, rel=0.01)
    decoded = decompress(data, model=file_model("plain"))
    assert decoded.dtype == dtype
    error = np.abs(decoded.astype(float) - volume).max()
    assert 0 < error < 8 * step


def test_psnr_of_floats_counts_with_their_range():
    volume = (textured((24, 24, 24), 1) / 255 * 1e-3 + np.random.default_rng(0).normal(size=24) * 1e-6).astype("f4")
    decoded = decompress(compress(volume, file_model("plain"), psnr=40), model=file_model("plain"))
    error = np.square(decoded.astype(float) - volume).mean()
    assert 10 * np.log10(np.ptp(volume) ** 2 / error) == pytest.approx(40, abs=0.11)


@pytest.mark.parametrize("quality", [{"step": 0.02}, {"psnr": 45}, {"bpp": 2.0}])
def test_nan_and_infinity_are_exact_in_lossy_files(quality):
    volume = (textured((2, 20, 24, 24), 1) / 100).astype("f4")
    volume[0, :5, 3:9], volume[1, 7], volume[1, 8, 0, 0] = np.nan, np.inf, -np.inf
    data = compress(volume, file_model("plain"), **quality)
    decoded = decompress(data, model=file_model("plain"))
    finite = np.isfinite(volume)
    np.testing.assert_array_equal(decoded[~finite], volume[~finite])
    assert np.isfinite(decoded[finite]).all()
    assert np.abs(decoded[finite] - volume[finite]).max() < 0.3
    part = decompress(data, [(1, 2), (6, 9), (0, 24), (0, 24)], model=file_model("plain"))
    np.testing.assert_array_equal(part, decoded[1:2, 6:9])
    preview = decompress(data, level=1, model=file_model("plain"))
    np.testing.assert_array_equal(np.isnan(preview), np.isnan(volume[:, ::2, ::2, ::2]))


def test_floats_without_finite_voxels_are_lossless_only():
    volume = np.full((4, 4, 4), np.nan, "f4")
    with pytest.raises(AiwaveError, match="no finite voxels: code it losslessly"):
        compress(volume, file_model("plain"), step=1.0)
    assert same(decompress(lossless(volume)), volume)


@pytest.mark.parametrize("dtype", [*TYPES[1:], *FLOATS])
def test_patterns_rise_with_the_values(dtype):
    limits = np.finfo(dtype) if dtype in FLOATS else np.iinfo(dtype)
    values = np.unique(np.array([limits.min, 0, 1, 2, 77, limits.max], dtype))
    patterns = ordered(values)
    assert (np.diff(patterns.astype(object)) > 0).all()
    assert same(from_ordered(patterns, np.dtype(dtype)), values)


def test_types_are_chosen_models_too():
    volume = (textured((32, 32, 32), 1) * 0.25).astype("f4")
    for quality in ({"lossless": True}, {"step": 4.0}):
        assert decompress(compress(volume, **quality)).dtype == np.float32


def smooth(high):
    z, y, x = np.mgrid[:16, :24, :24] / 24
    return (z + y + x + np.random.default_rng(0).normal(size=z.shape) / 50).clip(0, 3) / 3 * high


@pytest.mark.parametrize("dtype", ["uint32", "int32", "int64", "float64"])
@pytest.mark.parametrize("offset", [0, 2**26, 2**31 - 4001])
def test_a_large_offset_costs_nothing(dtype, offset):
    volume = (smooth(4000).astype(np.int64) + offset).astype(dtype)
    decoded = decompress(compress(volume, file_model("plain"), step=4.0), model=file_model("plain"))
    assert np.abs(decoded.astype(np.float64) - volume).max() < 32


@pytest.mark.parametrize("dtype", FLOATS)
def test_finite_voxels_stay_finite_up_to_the_end_of_the_type(dtype):
    most = np.finfo(dtype).max
    volume = ((smooth(2.2) - 1.1).clip(-1, 1) * most).astype(dtype)
    for quality in ({"psnr": 40.0}, {"bpp": 2.0}):
        decoded = decompress(compress(volume, file_model("plain"), **quality), model=file_model("plain"))
        assert np.isfinite(decoded).all()
        assert np.abs(decoded / 2 - volume / 2).max() < most / 8
    whole = np.rint(smooth(65504)).astype(np.float16)
    assert np.isfinite(decompress(compress(whole, file_model("plain"), step=500.0), model=file_model("plain"))).all()


def test_integers_do_not_wrap_at_the_end_of_the_type():
    volume = smooth(2**32 - 1).astype(np.uint32)
    volume[3:6] = 2**32 - 1
    decoded = decompress(compress(volume, file_model("plain"), step=2.0**25), model=file_model("plain"))
    assert np.abs(decoded.astype(float) - volume).max() < 2**29


@pytest.mark.parametrize(
    ("volume", "words"),
    [(smooth(1).astype("f8") * 1e-315, "multiply them by a factor"), (smooth(2**62).astype("i8"), r"beyond 2\^53")],
)
def test_what_lossy_coding_cannot_hold_is_said(volume, words):
    with pytest.raises(AiwaveError, match=words):
        compress(volume, file_model("plain"), psnr=40.0)
    assert same(decompress(lossless(volume), model=file_model()), volume)


@pytest.mark.parametrize(("step", "words"), [(0, "positive"), (np.nan, "positive"), (1e300, "out of range")])
def test_steps_that_do_not_fit_are_refused(step, words):
    with pytest.raises(AiwaveError, match=words):
        compress(smooth(1e-9), file_model("plain"), step=step)
