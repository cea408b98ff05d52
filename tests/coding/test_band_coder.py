"""Subbands through bytes and back."""

import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from aiwave.coding.band_coder import BandCoder
from aiwave.coding.constants import log_step_of
from aiwave.coding.context_state import ContextCoding
from aiwave.coding.model_parts import model_from_arrays, model_to_arrays
from aiwave.coding.to_integer.entropy_from_float import integer_model
from aiwave.coding.wavefront import wavefront
from aiwave.errors import AiwaveError
from aiwave.models.bands import band_size, splits
from aiwave.models.entropy import Laplace
from aiwave.models.subbands import Subbands
from tests.builders import entropy, shake
from tests.files import from_arrays

STEP = log_step_of(4.5)
KINDS = {
    "context": {},
    "laplace": {"density": Laplace()},
    "short only": {"long_context": False},
    "long only": {"short_context": False},
    "reversible": {"reversible": True},
    "sections": {"sharing": "sections"},
    "reversible sections": {"reversible": True, "sharing": "sections"},
    "oriented": {"oriented": True},
    "oriented, short only": {"oriented": True, "long_context": False},
    "oriented, long only": {"oriented": True, "short_context": False},
    "oriented, reversible": {"oriented": True, "reversible": True},
    "magnitudes": {"magnitudes": True},
    "magnitudes, oriented": {"magnitudes": True, "oriented": True},
    "magnitudes, short only": {"magnitudes": True, "long_context": False},
    "factorized": {},
}


def float_model(kind):
    torch.manual_seed(0)
    return shake(entropy("factorized" if kind == "factorized" else "context", **KINDS[kind]), std=0.05).eval()


@pytest.fixture(scope="module")
def models():
    return {kind: integer_model(float_model(kind)) for kind in KINDS}


@pytest.fixture(scope="module")
def coders(models):
    return {kind: BandCoder(model) for kind, model in models.items()}


def noise(size, tiles=2, spread=5.0, seed=0):
    """Subbands of two levels of a volume (D, H, W)."""
    generator = torch.Generator().manual_seed(seed)

    def level(split):
        bands = []
        for letters in range(8):
            depth, height, width = (n - n // 2 for n in split)
            values = torch.round(spread * torch.randn(tiles, depth, height, width, generator=generator))
            values[:, band_size(split, letters)[0] :] = 0
            values[:, :, band_size(split, letters)[1] :] = 0
            values[..., band_size(split, letters)[2] :] = 0
            bands.append(values)
        return torch.stack(bands, dim=1)

    coarse, fine = (level(split) for split in splits(size, 2))
    return Subbands(coarse[:, :1] + 100, (coarse[:, 1:], fine[:, 1:]), size)


def equal(a, b):
    return all(torch.equal(x.long(), y.long()) for x, y in zip(parts(a), parts(b), strict=True))


def parts(subbands):
    return [subbands.approx, *subbands.details]


@pytest.mark.parametrize("kind", KINDS)
@given(
    size=st.tuples(*[st.integers(1, 25)] * 3),
    tiles=st.integers(1, 3),
    spread=st.sampled_from([0.2, 3.0, 200.0, 1e5]),
)
@settings(max_examples=6, deadline=None)
def test_what_is_decoded_is_what_was_encoded(coders, kind, size, tiles, spread):
    q = noise(size, tiles, spread)
    coder = coders[kind]
    assert equal(coder.decode(coder.encode(q, STEP), size, STEP), q)


@pytest.mark.parametrize("kind", ["context", "laplace", "reversible", "factorized"])
def test_extremes_survive(coders, kind):
    q = noise((12, 13, 18))
    coder = coders[kind]
    zero = q.map(torch.zeros_like)
    spike = q.map(torch.zeros_like)
    spike.approx[0, 0, 1, 1, 1] = 2**23 - 1
    spike.details[1][1, 3, 0, 0, 0] = 1 - 2**23
    full = q.map(lambda band: band.sign() * (2**23 - 1))
    for extreme in (zero, spike, full):
        assert equal(coder.decode(coder.encode(extreme, STEP), (12, 13, 18), STEP), extreme)
    with pytest.raises(ValueError, match="beyond"):
        coder.encode(q.map(lambda band: band + 2**23), STEP)


@pytest.mark.parametrize("kind", ["context", "long only", "reversible"])
def test_bytes_depend_on_neither_batch_nor_threads_nor_memory_format(coders, kind):
    q, coder = noise((23, 20, 25), tiles=4), coders[kind]
    together = coder.encode(q, STEP)
    assert [coder.encode(q.map(lambda b, k=k: b[k : k + 1]), STEP)[0] for k in range(4)] == together
    strided = q.map(lambda band: band.to(memory_format=torch.channels_last_3d).double())
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            assert coder.encode(strided, STEP) == together
            assert equal(coder.decode(together[1:3], q.size, STEP), q.map(lambda band: band[1:3]))
    finally:
        torch.set_num_threads(before)


def test_coarse_levels_decode_from_their_own_segments(coders):
    q, coder = noise((13, 20, 24)), coders["context"]
    segments = [tile[:8] for tile in coder.encode(q, STEP)]
    coarse = coder.decode(segments, (13, 20, 24), STEP, levels=1)
    assert equal(coarse, Subbands(q.approx, q.details[:1], q.splits[0]))
    assert coarse.size == (7, 10, 12)


@pytest.mark.parametrize("spread", [0.3, 4.0, 60.0])
def test_the_estimated_length_is_the_real_one(coders, spread):
    q, coder = noise((40, 39, 41), spread=spread), coders["context"]
    estimated = float(coder.bits(q, STEP).sum())
    real = 8 * sum(len(segment) for tile in coder.encode(q, STEP) for segment in tile)
    assert estimated < real < 1.01 * estimated + 16 * 30


@pytest.mark.parametrize("kind", KINDS)
def test_integers_cost_hardly_more_than_the_float_model(coders, kind):
    q = noise((23, 24, 21), spread=3.0)
    with torch.no_grad():
        estimate = float(float_model(kind)(q, torch.full((2,), 4.5)).sum())
    assert float(coders[kind].bits(q, STEP).sum()) < 1.01 * estimate  # float tails are thinner: it may be much less


def test_damaged_segments_end_soon(coders):
    q, coder = noise((15, 16, 13), tiles=1), coders["context"]
    segments = coder.encode(q, STEP)[0]
    started = time.monotonic()
    for band, cut in ((0, 0), (0, 5), (8, 40), (14, 1)):
        short = [*segments]
        short[band] = segments[band][:cut]
        altered = [*segments]
        altered[band] = bytes([segments[band][0] ^ 255, *segments[band][1:]])
        noisy = [*segments]
        noisy[band] = b"\xff" * 50
        for damaged in (short, altered, noisy):
            try:
                decoded = coder.decode([damaged], (15, 16, 13), STEP)
            except AiwaveError:
                continue
            assert not equal(decoded, q)
            assert max(float(part.abs().max()) for part in parts(decoded)) < 2**23
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_survives_its_file(models, coders, kind):
    model = models[kind]
    again = from_arrays(model)
    q = noise((11, 12, 13))
    assert equal(BandCoder(again).decode(coders[kind].encode(q, STEP), (11, 12, 13), STEP), q)
    assert [array.nbytes for array in model_to_arrays(model)[1].values() if array.dtype == np.int8]


def test_arrays_that_do_not_fit_are_refused(models):
    part, arrays = model_to_arrays(models["context"])
    for changed in (
        arrays | {"other": arrays["band"]},
        {name: array for name, array in arrays.items() if name != "own.shift"},
        arrays | {"band": arrays["band"].astype("float32")},
        arrays | {"band": arrays["band"].astype("uint8")},
        arrays | {"band": arrays["band"][:-1]},
        arrays | {"head.weight": arrays["head.weight"].T},
    ):
        with pytest.raises(AiwaveError, match="do not fit together"):
            model_from_arrays(part, changed)
    for wrong in ({"levels": 3}, {"fraction": 40}, {"layers": part.layers[1:]}, {"limit": 0}):
        with pytest.raises(AiwaveError, match="do not fit together"):
            model_from_arrays(replace(part, **wrong), arrays)


def test_published_models_have_no_integer_form():
    with pytest.raises(AiwaveError, match="kind context_published"):
        integer_model(entropy("published"))


@pytest.mark.parametrize("step", [0.0, -1.0, float("inf"), float("nan")])
def test_impossible_steps_are_refused(step):
    with pytest.raises(ValueError, match="step"):
        log_step_of(step)


def test_rounded_products_are_noticed(coders, monkeypatch):
    q = noise((8, 8, 8))
    monkeypatch.setattr(torch, "addmm", lambda b, x, w: b + (x.bfloat16() @ w.bfloat16()).float())
    with pytest.raises(AiwaveError, match="not exact"):
        coders["context"].encode(q, STEP)
    with pytest.raises(AiwaveError, match="not exact"):
        coders["context"].decode([], (8, 8, 8), STEP)


@pytest.mark.parametrize("sharing", ["isotropic", "sections"])
def test_bands_predict_each_other_as_in_the_float_model(sharing):
    torch.manual_seed(0)
    model = shake(entropy("context", reversible=True, sharing=sharing), std=0.1).eval()
    shake(model.cross, std=0.5)
    integers, q = ContextCoding(integer_model(model)), noise((15, 18, 25), tiles=2, spread=30.0)
    level, approx = torch.arange(8), None
    with torch.no_grad():
        for index, stack in enumerate(q.level_stacks()):
            ids = level[8 - stack.shape[1] :] + 8 * index
            rebuilt = None if approx is None else (approx >> 6).float()
            expected = model.prediction(stack, ids) + model.cross(stack, rebuilt, ids)
            wave = wavefront(tuple(stack.shape[2:]))
            context = integers.level(index, wave, 2, approx)
            for letters, band, floats in zip(ids % 8, stack.unbind(1), expected.unbind(1), strict=True):
                one = context.band(int(letters), STEP)
                one.write(0, wave.positions, wave.sort(band.long()))
                found = one.mixed(0, wave.positions)[1].view(2, -1) / 2**8
                torch.testing.assert_close(found, wave.sort(floats), atol=0.5, rtol=1e-3)
            approx = integers.next_approx(q.map(torch.Tensor.long), index, approx)
    assert float(expected.abs().mean()) > 20


@pytest.mark.parametrize(("sharing", "reversible"), [("isotropic", False), ("sections", False), ("sections", True)])
def test_coarser_levels_are_put_together_as_in_the_float_model(sharing, reversible):
    model = entropy("context", reversible=reversible, sharing=sharing)
    integers, q = ContextCoding(integer_model(model)), noise((15, 18, 25), tiles=2, spread=30.0)
    with torch.no_grad():
        expected = model.synthesis.inverse(Subbands(q.approx, q.details[:1], q.splits[0]))
    found = integers.next_approx(q.map(torch.Tensor.long), 0, None) / 2**6
    torch.testing.assert_close(found, expected, atol=0.2, rtol=1e-3)
