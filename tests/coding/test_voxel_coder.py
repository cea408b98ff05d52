"""The voxel model in integers: round trips, what it costs, and the same bytes from both cores."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwave.coding.core import compiled_core
from aiwave.coding.integer_voxels import activity_tables, activity_thresholds
from aiwave.coding.model_parts import model_from_arrays, model_to_arrays
from aiwave.coding.native_voxels import NativeVoxels
from aiwave.coding.to_integer.voxels_from_float import integer_voxels
from aiwave.coding.voxel_coder import VoxelCoder
from aiwave.errors import AiwaveError
from aiwave.models.entropy.voxels import VoxelEntropy
from aiwave.models.subbands import Subbands
from tests.builders import shake
from tests.conftest import textured
from tests.files import trained_codec

core = compiled_core()
SIMD = core.simd_levels() if core else []
SIZES = st.tuples(*[st.integers(1, 11)] * 3)


@pytest.fixture(autouse=True)
def any_simd():
    """Restore the instruction set."""
    yield
    if core:
        core.use_simd(SIMD[-1])


def random_model(seed, channels=(6, 5), radii=(2, 1.5, 1), std=0.3):
    torch.manual_seed(seed)
    return shake(VoxelEntropy(radii, channels, 2), std=std).eval()


def ends(tiles):
    return np.stack((tiles.min(axis=(1, 2, 3)), tiles.max(axis=(1, 2, 3))), axis=1)


def numbers(size, kind, seed, tiles=2):
    rng = np.random.default_rng(seed)
    shape = (tiles, *size)
    if kind == "flat":
        return np.full(shape, 65535, np.int32)
    if kind == "any":
        return rng.integers(0, 65536, shape, np.int32)
    if kind == "few":
        return 40000 * rng.integers(0, 2, shape, np.int32)
    return np.stack([textured(size, seed + k) for k in range(tiles)]).astype(np.int32)


KINDS = st.sampled_from(["flat", "any", "few", "textured"])


@given(size=SIZES, kind=KINDS, seed=st.integers(0, 99))
@settings(max_examples=10)
def test_the_reference_gives_voxels_back(size, kind, seed):
    tiles, coder = numbers(size, kind, seed), VoxelCoder(integer_voxels(random_model(seed)))
    segments = coder.encode(tiles, ends(tiles))
    np.testing.assert_array_equal(coder.decode(segments, ends(tiles), size), tiles)
    assert segments[1] == coder.encode(tiles[1:], ends(tiles[1:]))[0]  # whatever comes with it


@pytest.mark.skipif(core is None, reason="the compiled core is missing")
@pytest.mark.parametrize("simd", SIMD)
@given(
    size=SIZES,
    kind=KINDS,
    seed=st.integers(0, 99),
    channels=st.sampled_from([(1,), (6, 5), (16, 33), (7, 3, 20)]),
    radii=st.sampled_from([(1, 1, 1), (2, 1.5, 1), (5, 4, 3)]),
)
@settings(max_examples=10)
def test_both_cores_write_the_same_bytes(simd, size, kind, seed, channels, radii):
    core.use_simd(simd)
    model, tiles = integer_voxels(random_model(seed, channels, radii)), numbers(size, kind, seed)
    segments = VoxelCoder(model).encode(tiles, ends(tiles))
    native = NativeVoxels(core, model, threads=2)
    assert native.encode(tiles, ends(tiles)) == segments
    decoded = native.decode(segments, ends(tiles), size)
    np.testing.assert_array_equal(decoded, tiles)
    assert decoded.dtype == np.int32


@pytest.mark.skipif(core is None, reason="the compiled core is missing")
@pytest.mark.parametrize("size", [(40, 23, 31), (3, 90, 1), (1, 1, 300), (70, 1, 2)])
def test_both_cores_agree_on_longer_fronts(size):
    model, tiles = integer_voxels(random_model(1)), numbers(size, "textured", 0)
    segments = VoxelCoder(model).encode(tiles, ends(tiles))
    assert NativeVoxels(core, model).encode(tiles, ends(tiles)) == segments


def test_integers_cost_hardly_more_than_the_float_model_says():
    entropy = trained_codec("voxels").entropy
    tile = textured((24, 32, 32), 9)
    with torch.no_grad():
        expected = float(entropy(Subbands(torch.from_numpy(tile)[None, None].float(), ()), torch.ones(1)).sum())
    tiles = tile[None].astype(np.int32)
    (segment,) = VoxelCoder(integer_voxels(entropy)).encode(tiles, ends(tiles))
    assert 8 * len(segment) == pytest.approx(expected, rel=0.01)


def test_flat_tiles_and_values_at_an_end_cost_next_to_nothing():
    model = VoxelCoder(integer_voxels(trained_codec("voxels").entropy))
    flat = np.full((1, 16, 16, 16), 700, np.int32)
    assert len(model.encode(flat, ends(flat))[0]) < 16
    clipped = np.maximum(textured((16, 16, 16), 3).astype(np.int32) - 128, 0)[None]
    wide = ends(clipped) - [[100, 0]]  # as if nothing were clipped
    assert len(model.encode(clipped, ends(clipped))[0]) < len(model.encode(clipped, wide)[0])


def test_activity_levels_follow_the_logarithm():
    mantissa, shift, activity = activity_tables()
    levels = np.arange(len(mantissa))
    exact = np.exp((levels - 48) / 16)
    np.testing.assert_allclose(mantissa / 2.0**shift, 64 / exact, rtol=2**-14)
    np.testing.assert_allclose(activity / 256, exact, atol=2**-8)
    assert mantissa.max() < 2**15
    sums = np.arange(1, 2**20, 37)
    level = np.searchsorted(activity_thresholds(), sums, side="right")
    np.testing.assert_array_equal(level, np.rint(16 * np.log(sums / 16)) + 48)


def decoded(coder, segment, tiles):
    """What a segment decodes to, None if it is refused."""
    try:
        return coder.decode([segment], ends(tiles), tiles.shape[1:])
    except AiwaveError:
        return None


def test_damage_is_refused_or_decodes_to_other_voxels_within_the_ends():
    model, tiles = integer_voxels(random_model(3)), numbers((5, 6, 7), "textured", 5, tiles=1)
    segment = VoxelCoder(model).encode(tiles, ends(tiles))[0]
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(12):
        damaged = bytearray(segment)
        damaged[rng.integers(len(damaged))] ^= 1 << rng.integers(8)
        found = decoded(VoxelCoder(model), bytes(damaged), tiles)
        if core:
            np.testing.assert_array_equal(decoded(NativeVoxels(core, model), bytes(damaged), tiles), found)
        assert found is None or tiles.min() <= found.min() <= found.max() <= tiles.max()
        refused += found is None
    assert refused


def test_a_model_file_gives_the_model_back():
    model = integer_voxels(random_model(0))
    part, arrays = model_to_arrays(model)
    again = model_from_arrays(part, arrays)
    assert again.offsets == model.offsets
    again_part, again_arrays = model_to_arrays(again)
    assert again_part == part
    assert all(np.array_equal(again_arrays[name], array) for name, array in arrays.items())


@pytest.mark.parametrize(
    "change",
    [
        {"far": np.array([[0, 0, 1]])},
        {"far": np.array([[0, 0, -9]])},
        {"far": np.array([[0, 0, -1]])},
        {"limit": 1 << 15},
        {"layers": {}},
    ],
)
def test_parts_that_do_not_fit_are_refused(change):
    with pytest.raises(ValueError, match=r"neighbour|layers"):
        replace(integer_voxels(random_model(0)), **change)


class Altered:
    """The compiled module, whose voxel models are made with other parts."""

    def __init__(self, **changed):
        self._changed = changed

    def __getattr__(self, name):
        return getattr(core, name)

    def VoxelModel(self, **parts):
        return core.VoxelModel(**parts | {name: change(parts[name]) for name, change in self._changed.items()})


def layer_with(place, value):
    """Replaces a part of the first layer: (kind, weight, bias, shift, limit)."""
    return lambda layers: [(*layers[0][:place], value(layers[0][place]), *layers[0][place + 1 :]), *layers[1:]]


@pytest.mark.skipif(core is None, reason="the compiled core is missing")
@pytest.mark.parametrize(
    ("part", "change", "words"),
    [
        ("offsets", lambda offsets: [*offsets[:-1], (-1, -(2**31), 0)], "known before"),
        ("offsets", lambda offsets: offsets[:15], "neighbours"),
        ("reference", lambda weights: [2**31 - 1, 2**31 - 1, *weights[2:]], "reference"),
        ("reference", lambda weights: [9, -1, *[0] * (len(weights) - 2)], "reference"),
        ("thresholds", lambda table: table[::-1].copy(), "rise"),
        ("shift", lambda table: table + np.int32(32), "out of range"),
        ("layers", layer_with(2, lambda bias: bias[:-1]), "does not fit"),
        ("layers", layer_with(2, lambda bias: bias - 2**62), "bias"),
        ("layers", layer_with(3, lambda shift: shift + 63), "shift"),
        ("layers", layer_with(3, lambda shift: 0 * shift), "float32"),
        ("layers", layer_with(4, lambda limit: 2**62), "does not fit"),
        ("layers", layer_with(4, lambda limit: 1), "32 bits"),
        ("layers", lambda layers: layers[:2], "lacks a layer"),
    ],
)
def test_parts_that_do_not_fit_are_refused_at_the_border(part, change, words):
    native = NativeVoxels(Altered(**{part: change}), integer_voxels(random_model(0, std=3)))
    with pytest.raises(ValueError, match=words):
        native.encode(np.zeros((1, 2, 2, 2)), np.zeros((1, 2)))


@pytest.mark.skipif(core is None, reason="the compiled core is missing")
@pytest.mark.parametrize(
    ("shape", "bounds", "words"),
    [
        ((1, 2, 2), [[0, 0]], "four axes"),
        ((1, 2, 2, 0), [[0, 0]], "size of a tile"),
        ((0, 2**32 + 1, 1, 1), np.zeros((0, 2)), "size of a tile"),
        ((2, 2, 2, 2), [[0, 0]], "lacks its bounds"),
        ((1, 2, 2, 2), [0, 0], "two bounds"),
        ((1, 2, 2, 2), [[1, 0]], "bounds"),
        ((1, 2, 2, 2), [[1, 9]], "out of bounds"),
        ((1, 2, 2, 2), [[0, 2**16]], "bounds"),
    ],
)
def test_tiles_that_do_not_fit_are_refused_at_the_border(shape, bounds, words):
    with pytest.raises(ValueError, match=words):
        NativeVoxels(core, integer_voxels(random_model(0))).encode(np.zeros(shape), np.array(bounds))


def test_layers_in_another_order_are_refused():
    model = integer_voxels(random_model(0))
    swapped = dict(reversed(model.layers.items()))
    with pytest.raises(ValueError, match="layers"):
        replace(model, layers=swapped)
