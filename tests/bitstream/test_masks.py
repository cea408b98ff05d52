"""Padding comes back exactly in lossy files, costs little, and is not seen where there is none."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwave.api import compress, decompress, info
from aiwave.bitstream.masks import filled, find_mask
from tests.conftest import textured
from tests.files import file_model

STEP = 12.0
MODEL = cache(file_model)


def scan(shape=(12, 32, 40), dtype="int16", seed=0):
    """Smooth structures with noise, from 100 to 900."""
    z, y, x = (np.arange(size) / 9 for size in shape)
    waves = np.sin(z)[:, None, None] * np.cos(y)[:, None] + np.sin(x)
    noise = np.random.default_rng(seed).normal(0, 12, shape)
    return np.rint((500 + 180 * waves + noise).clip(100, 900)).astype(dtype)


def outside(shape, radius=0.45):
    """Everything but a cylinder along z."""
    _, y, x = np.mgrid[tuple(slice(size) for size in shape)]
    return ((y + 0.5) / shape[1] - 0.5) ** 2 + ((x + 0.5) / shape[2] - 0.5) ** 2 > radius**2


def padded(value, **options):
    volume = scan(**options)
    volume[outside(volume.shape)] = value
    return volume


def coded(volume, **quality):
    return compress(volume, MODEL("plain"), tile=16, optimise=False, **(quality or {"step": STEP}))


def again(data, *args, **options):
    return decompress(data, *args, model=MODEL("plain"), **options)


PADDINGS = {"int16": -2000, "uint16": 0, "uint8": 7, "int32": -(2**31), "int64": 2**60, "float32": -3.4e38}


@pytest.mark.parametrize("dtype", [*PADDINGS, "float64", "float16"])
def test_padding_is_exact_in_lossy_files(dtype):
    volume = scan().astype(dtype) if dtype != "uint8" else (scan() // 4).astype(dtype)
    value = np.dtype(dtype).type(PADDINGS.get(dtype, -1000.25))
    there = outside(volume.shape)
    volume[there] = value
    data = coded(volume)
    assert info(data)["masked"]
    assert info(data)["padding"] == [value]
    decoded = again(data)
    assert decoded.dtype == dtype
    assert (decoded[there] == value).all()
    error = np.abs(decoded[~there].astype(np.float64) - volume[~there])
    assert 0 < error.max() < 4 * STEP
    box = (slice(3, 10), slice(0, 21), slice(17, 40))
    assert again(data, box).tobytes() == decoded[box].tobytes()
    series = np.stack([volume, np.roll(volume, 5, axis=1)])
    frames = again(coded(series))
    np.testing.assert_array_equal(frames == value, series == value)
    np.testing.assert_array_equal(again(coded(series), [(1, 2), *((0, size) for size in volume.shape)]), frames[1:])


def test_a_preview_keeps_the_padding():
    volume = padded(-2000)
    preview = again(coded(volume), level=1)
    there = volume[::2, ::2, ::2] == -2000
    assert (preview[there] == -2000).all()
    assert preview[~there].min() > 0


def test_several_values_and_nan_are_exact_together():
    volume = padded(0).astype(np.float32) * np.float32(0.37)
    volume[:, :, :6], volume[:4, :8] = -1024, np.nan
    decoded = again(coded(volume, step=6.0))
    for there in (volume == 0, volume == -1024, np.isnan(volume)):
        assert there.any()
        np.testing.assert_array_equal(decoded[there], volume[there])
    textured_part = ~(np.isnan(volume) | (volume == 0) | (volume == -1024))
    assert np.abs(decoded[textured_part] - volume[textured_part]).max() < 24


@pytest.mark.parametrize("value", [0, -2000])
def test_the_edge_of_the_padding_costs_little(value):
    volume = scan(shape=(32, 64, 64))
    there = outside(volume.shape)
    cropped = len(coded(volume)) * (~there).mean()
    volume[there] = value
    assert len(coded(volume)) < 1.15 * cropped


@pytest.mark.parametrize("quality", [{"psnr": 75.0}, {"bpp": 1.5}])
def test_targets_count_all_voxels_but_nan(quality):
    whole = padded(-2000, shape=(32, 48, 48))
    some = whole.astype(np.float32)
    some[:9] = np.nan
    for volume, peak in ((whole, 65535.0), (some, np.nanmax(some) - np.nanmin(some))):
        wanted = quality if peak > 65534 or "bpp" in quality else {"psnr": 48.0}
        data = coded(volume, **wanted)
        finite = np.isfinite(volume)
        mse = np.square(again(data)[finite].astype(np.float64) - volume[finite]).mean()
        if "bpp" in wanted:
            assert 8 * len(data) / volume.size == pytest.approx(wanted["bpp"], rel=0.021)
        else:
            assert 10 * np.log10(peak**2 / mse) == pytest.approx(wanted["psnr"], abs=0.11)


def masked(volume):
    mask, paddings = find_mask(volume.reshape(-1, *volume.shape[-3:]), padding=True)
    assert (mask is None) == (len(paddings) == 0)
    return mask is not None


def test_only_regions_in_textured_volumes_are_padding():
    rng = np.random.default_rng(0)
    assert masked(padded(0))
    assert not masked(scan())
    assert not masked(textured((32, 32, 32), 0))
    floor = np.maximum(rng.normal(-1, 4, (32, 40, 40)), 0).astype(np.int16)  # noise cut off at 0
    assert (floor == 0).mean() > 0.5
    assert not masked(floor)
    assert not masked(np.full((16, 16, 16), 3, np.int16))
    labels = np.repeat(np.repeat(rng.integers(0, 5, (4, 6, 6)), 8, axis=1), 8, axis=2).astype(np.uint8)
    labels[outside(labels.shape, 0.3)] = 0
    assert not masked(labels)


def test_a_mask_that_costs_much_more_than_it_saves_is_left_out():
    volume = scan(shape=(16, 48, 48)) // 20
    volume[outside(volume.shape, 0.3)] = 25  # hardly another value than around it
    assert masked(volume)
    data = coded(volume, step=60.0)
    assert not info(data)["masked"]


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 9),
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(0, 2**32 - 1),
    st.sampled_from(["int8", "uint16", "int32", "float32"]),
    st.floats(0.02, 0.98),
)
def test_any_shape_with_any_padding_decodes_within_the_step(d, h, w, seed, dtype, share):
    rng = np.random.default_rng(seed)
    volume = rng.normal(0, 20, (d, h, w)).astype(dtype)
    if dtype == "float32":
        volume *= np.float32(1.7)
    volume.reshape(-1)[: int(share * volume.size)] = 100
    data = compress(volume, MODEL("plain"), step=1.0, tile=8, optimise=False)
    decoded = again(data)
    assert decoded.dtype == dtype
    if info(data)["masked"]:
        np.testing.assert_array_equal(decoded[volume == 100], 100)
    close = np.abs(decoded.astype(np.float64) - volume.astype(np.float64)) < 8
    assert close.all()


def test_what_is_masked_is_replaced_by_what_is_around():
    z, y, x = np.mgrid[:12, :30, :31].astype(np.float32)
    plane = 3 * z + 2 * y - x + 100
    mask = outside(plane.shape, 0.35).astype(np.uint8) * 4
    out = filled(np.where(mask, np.nan, plane)[None], mask[None])[0]
    np.testing.assert_array_equal(out[mask == 0], plane[mask == 0])
    assert plane[mask == 0].min() <= out.min() <= out.max() <= plane[mask == 0].max()
    jumps = max(np.abs(np.diff(out, axis=axis)).max() for axis in range(3))
    assert jumps < 25
