"""Volumes through .aiw streams and back."""

import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import aiwave
from aiwave.api import compress, decompress, info
from aiwave.bitstream import Model
from aiwave.bitstream.from_codec import model_file
from aiwave.bitstream.grid import Grid
from aiwave.errors import AiwaveError
from tests.builders import codec, shake
from tests.conftest import textured
from tests.files import file_model, noise, psnr

DTYPES = ("uint8", "int8", "uint16", "int16")
sizes = st.tuples(*[st.integers(1, 9)] * 3)


def extreme(kind, shape, dtype):
    limits = np.iinfo(dtype)
    volume = np.full(shape, limits.min, dtype)
    if kind == "highest":
        volume[:] = limits.max
    elif kind == "spike":
        volume.flat[volume.size // 2] = limits.max
    elif kind == "checks":
        volume[::2, ::2, ::2] = limits.max
    elif kind == "noise":
        volume = noise(shape, dtype)
    return volume


@pytest.mark.parametrize("name", ["lossless", "learned", "voxels"])
@given(shape=sizes, dtype=st.sampled_from(DTYPES), kind=st.sampled_from(["lowest", "highest", "spike", "noise"]))
@settings(max_examples=24)
def test_lossless_gives_every_voxel_back(name, shape, dtype, kind):
    volume, model = extreme(kind, shape, dtype), file_model(name)
    decoded = decompress(compress(volume, model, lossless=True, model_only=True), model=model)
    assert decoded.dtype == volume.dtype
    np.testing.assert_array_equal(decoded, volume)


@pytest.mark.parametrize("name", ["lossless", "learned", "voxels"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["spike", "checks", "noise"])
def test_extremes_of_several_tiles_survive(kind, dtype, name):
    volume, model = extreme(kind, (9, 17, 13), dtype), file_model(name)
    decoded = decompress(compress(volume, model, lossless=True, tile=8, model_only=True), model=model)
    np.testing.assert_array_equal(decoded, volume)


@given(shape=sizes, dtype=st.sampled_from(DTYPES))
@settings(max_examples=8)
def test_a_plain_wavelet_errs_by_little_more_than_the_step(shape, dtype):
    """Errors of CDF 9/7 with nearly orthonormal gains: at most a few half steps."""
    volume = noise(shape, dtype)
    decoded = decompress(compress(volume, file_model("plain"), step=0.25, model_only=True), model=file_model("plain"))
    assert np.abs(decoded.astype(int) - volume).max() <= 2


def test_finer_steps_are_better_and_longer():
    volume, model = textured((20, 24, 28), 3), file_model("lossy")
    found = []
    for step in (1.0, 4.0, 16.0):
        data = compress(volume, model, step=step, tile=16, model_only=True)
        found.append((len(data), psnr(decompress(data, model=model), volume)))
    assert found == sorted(found, reverse=True)
    assert found[0][1] > 45 > found[2][1] > 25


@pytest.mark.parametrize(
    ("kind", "quality"),
    [("lossless", {"lossless": True}), ("learned", {"lossless": True}), ("lossy", {"step": 4.0})],
)
@given(data=st.data(), level=st.integers(0, 2))
@settings(max_examples=10)
def test_a_region_is_a_crop_of_the_whole(kind, quality, data, level):
    shape, model = (13, 21, 18), file_model(kind)
    coded = _coded(kind, shape, tuple(quality.items()))
    region = []
    for size in shape:
        start = data.draw(st.integers(0, size - 1))
        region.append(slice(start, data.draw(st.integers(start + 1, size))))
    whole = _whole(coded, kind, level)
    assert whole.shape == tuple(-(-size // 2**level) for size in shape)
    coarse = tuple(slice(part.start >> level, -(-part.stop >> level)) for part in region)
    np.testing.assert_array_equal(decompress(coded, region, level, model), whole[coarse])


@cache
def _coded(kind, shape, quality):
    return compress(textured(shape, 1), file_model(kind), tile=8, **dict(quality), model_only=True)


@cache
def _whole(coded, kind, level):
    return decompress(coded, level=level, model=file_model(kind))


def test_a_region_reads_only_its_own_tiles():
    coded = bytearray(_coded("lossless", (13, 21, 18), (("lossless", True),)))
    coded[-1] ^= 1  # in the last tile
    corner = decompress(bytes(coded), [(0, 3), (0, 5), (0, 8)], model=file_model())
    np.testing.assert_array_equal(corner, textured((13, 21, 18), 1)[:3, :5, :8])
    with pytest.raises(AiwaveError, match="checksum"):
        decompress(bytes(coded), model=file_model())


@pytest.mark.parametrize(("kind", "quality"), [("lossless", {"lossless": True}), ("plain", {"step": 1.0})])
@pytest.mark.parametrize("size", [(24, 24, 24), (25, 23, 17), (1, 21, 30)])
def test_previews_have_the_intensities_of_the_volume(kind, quality, size):
    z, y, x = np.mgrid[tuple(slice(n) for n in size)]
    ramp = (20 + 3 * z + 4 * y + 2 * x).astype(np.uint8)
    data = compress(ramp, file_model(kind), tile=16, **quality, model_only=True)
    for level in (1, 2):
        preview = decompress(data, level=level, model=file_model(kind)).astype(int)
        inner = np.abs(preview - ramp[:: 2**level, :: 2**level, :: 2**level])[:, 1:-1, 1:-1]
        assert inner.mean() < 6


def test_a_slice_more_costs_a_slice():
    volume = textured((33, 48, 48), 5)
    whole, more = (compress(volume[:depth], file_model(), lossless=True, model_only=True) for depth in (32, 33))
    assert len(more) < 1.06 * len(whole)
    np.testing.assert_array_equal(decompress(more, model=file_model()), volume)


def test_thin_tiles_are_worked_on_as_many_at_a_time_as_fit():
    grid = Grid((4000, 1, 64, 64), 64, 3)
    sizes = [len(group) for group in grid.batches(grid.tiles(), 8 * 64**3)]
    assert max(sizes) == 64  # each as if it had 8 slices
    assert sum(sizes) == 4000


def test_tiles_too_large_to_be_decoded_are_not_written():
    with pytest.raises(AiwaveError, match="choose smaller"):
        compress(np.zeros((1, 16384, 16384), np.uint8), file_model(), lossless=True, tile=1 << 15, model_only=True)


def test_a_series_keeps_its_frames():
    series = np.stack([textured((6, 7, 5), seed) for seed in range(3)])
    data = compress(series, file_model(), lossless=True, model_only=True)
    np.testing.assert_array_equal(decompress(data, model=file_model()), series)
    part = decompress(data, [(1, 3), (0, 6), (2, 4), (0, 5)], model=file_model())
    np.testing.assert_array_equal(part, series[1:3, :, 2:4])
    np.testing.assert_array_equal(decompress(data, [(0, 6), (2, 4), (0, 5)], model=file_model()), series[:, :, 2:4])
    single = compress(series[:1], file_model(), lossless=True, model_only=True)
    assert decompress(single, model=file_model()).shape == (1, 6, 7, 5)


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_layout_and_byte_order_do_not_matter(order):
    volume = noise((5, 6, 7), "int16")
    other = np.array(volume.astype(">i2"), order=order)
    assert compress(other, file_model(), lossless=True, model_only=True) == compress(
        volume, file_model(), lossless=True, model_only=True
    )


def test_few_values_of_many_cost_what_their_ranks_cost():
    ranks = textured((16, 16, 16), 0) // 4
    spread = np.sort(np.random.default_rng(0).choice(60000, 256, replace=False)).astype(np.uint16)[ranks]
    data, plain = (compress(v, file_model(), lossless=True, model_only=True) for v in (spread, ranks))
    assert info(data)["packed_values"]
    assert len(data) < len(plain) + 300
    np.testing.assert_array_equal(decompress(data, model=file_model()), spread)
    assert not info(plain)["packed_values"]


def test_another_process_with_other_threads_decodes_the_same(tmp_path):
    volume = textured((20, 21, 22), 5)
    lossy = file_model("lossy")
    (tmp_path / "lossy.aiw").write_bytes(compress(volume, lossy, step=5.0, tile=16, embed_model=True, model_only=True))
    for kind in ("lossless", "learned"):
        data = compress(volume, file_model(kind), lossless=True, tile=16, embed_model=True, model_only=True)
        (tmp_path / f"{kind}.aiw").write_bytes(data)
    code = (
        "import sys, numpy, torch, aiwave; torch.set_num_threads(int(sys.argv[1]))\n"
        "for n in ('lossy', 'lossless', 'learned'): numpy.save(n, aiwave.decompress(open(n + '.aiw', 'rb').read()))"
    )
    mine = decompress((tmp_path / "lossy.aiw").read_bytes())
    for threads in "12":
        subprocess.run([sys.executable, "-c", code, threads], cwd=tmp_path, check=True)
        for kind in ("lossless", "learned"):
            np.testing.assert_array_equal(np.load(tmp_path / f"{kind}.npy"), volume)
        assert np.abs(np.load(tmp_path / "lossy.npy").astype(int) - mine).max() <= 1


@pytest.mark.parametrize("kind", ["cdf97", "additive", "hybrid"])
def test_a_lossy_codec_has_a_lossless_form_unless_it_is_affine(kind):
    lossy, volume = shake(codec(kind), std=0.02).eval(), textured((9, 10, 11), 0)
    model = Model.from_bytes(model_file(lossy, "exact", lossless=True))
    np.testing.assert_array_equal(
        decompress(compress(volume, model, lossless=True, model_only=True), model=model), volume
    )
    with pytest.raises(AiwaveError, match="export it with --lossless"):
        compress(volume, Model.from_bytes(model_file(lossy, "lossy")), lossless=True, model_only=True)
    with pytest.raises(AiwaveError, match="affine lifting is not reversible"):
        model_file(codec("affine"), "exact", lossless=True)


def test_the_package_offers_the_functions_without_importing_torch():
    code = "import sys, aiwave; assert 'torch' not in sys.modules; assert callable(aiwave.compress)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (aiwave.compress, aiwave.decompress, aiwave.info) == (compress, decompress, info)
    with pytest.raises(AttributeError, match="nonsense"):
        aiwave.nonsense  # noqa: B018
