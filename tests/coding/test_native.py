"""The compiled core against the PyTorch reference: the same bytes and choices, on every instruction set."""

import os
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiwave.coding.band_coder import BandCoder
from aiwave.coding.constants import log_step_of
from aiwave.coding.core import compiled_core
from aiwave.coding.encoder_choice import dependent, optimised
from aiwave.coding.exact_tables import bits_of
from aiwave.coding.integer_context import IntegerContext
from aiwave.coding.integer_layer import IntegerLayer
from aiwave.coding.symbol_io import encode_intervals
from aiwave.coding.to_integer.entropy_from_float import integer_model
from aiwave.errors import AiwaveError
from aiwave.models.subbands import Subbands
from aiwave.pretrained.choice import shipped_model
from tests.builders import entropy, shake
from tests.coding.test_band_coder import KINDS, noise

core = compiled_core()
pytestmark = pytest.mark.skipif(core is None, reason="the compiled core is missing")

STEP = log_step_of(4.5)
SIMD = core.simd_levels() if core else []
SIZES = st.tuples(*[st.integers(1, 13)] * 3)


@pytest.fixture(autouse=True)
def any_core(monkeypatch):
    """Restore the environment and the instruction set."""
    monkeypatch.delenv("AIWAVE_CORE", raising=False)
    yield
    core.use_simd(SIMD[-1])


def with_core(name, work):
    before = os.environ.get("AIWAVE_CORE")
    os.environ["AIWAVE_CORE"] = name
    try:
        return work()
    finally:
        os.environ.pop("AIWAVE_CORE")
        if before is not None:
            os.environ["AIWAVE_CORE"] = before


def agree(coder, q, simd):
    core.use_simd(simd)
    reference = with_core("reference", lambda: coder.encode(q, STEP))
    assert with_core("native", lambda: coder.encode(q, STEP)) == reference
    decoded = with_core("native", lambda: coder.decode(reference, q.size, STEP))
    for ours, theirs in zip(decoded.bands(), q.bands(), strict=True):
        torch.testing.assert_close(ours, theirs.long(), rtol=0, atol=0)


def random_model(kind, seed, channels=6, std=0.05, **changes):
    torch.manual_seed(seed)
    name = "factorized" if kind == "factorized" else "context"
    own = {} if kind == "factorized" else {"channels": channels}
    return shake(entropy(name, **KINDS[kind], **own, **changes), std=std).eval()


@given(
    kind=st.sampled_from(sorted(KINDS)),
    simd=st.sampled_from(SIMD),
    size=SIZES,
    tiles=st.integers(1, 3),
    spread=st.sampled_from([0.3, 5, 300, 10**6]),
    channels=st.integers(2, 40),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_models_give_the_same_bytes(kind, simd, size, tiles, spread, channels, seed):
    model = integer_model(random_model(kind, seed, channels - channels % 2))
    agree(BandCoder(model), noise(size, tiles, spread, seed), simd)


@given(kind=st.sampled_from(["context", "oriented", "reversible"]), size=SIZES, seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_weights_at_the_limits_of_the_format_give_the_same_bytes(kind, size, seed):
    """Layers whose sums need 64 bits, next to ordinary ones."""
    generator = np.random.default_rng(seed)
    model = integer_model(random_model(kind, seed))
    assert isinstance(model, IntegerContext)

    def large(layer):
        most = max(1, int(layer.weight.abs().max()))
        factor = int(generator.integers(2**14 // most, 2**15 // most))
        return IntegerLayer(layer.weight * factor, layer.bias * factor, layer.shift + factor.bit_length(), layer.limit)

    coder = BandCoder(replace(model, layers={name: large(layer) for name, layer in model.layers.items()}))
    assert not coder.native()._handle.narrow
    agree(coder, noise(size, 2, 300.0, seed), SIMD[-1])


@pytest.mark.parametrize("simd", SIMD)
@pytest.mark.parametrize("name", ["em_lossless", "ct_lossless", "sections_lossless", "em_nano", "mri_nano"])
def test_ready_made_models_give_the_same_bytes(name, simd):
    coder = shipped_model(name).coder
    generator = torch.Generator().manual_seed(1)
    shape = [(3, 3, 2), (6, 5, 4), (12, 10, 8)]
    bands = [torch.randn(2, 7, *side, generator=generator) * 4 for side in shape]
    low = torch.randn(2, 1, *shape[0], generator=generator) * 300
    exact = Subbands(low, tuple(bands), (24, 20, 16)).existing()
    if coder.model.dependent:
        core.use_simd(simd)
        choose = [with_core(name, lambda: dependent(coder, exact, STEP, 2)) for name in ("reference", "native")]
        for ours, theirs in zip(choose[1].bands(), choose[0].bands(), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
        q = choose[0]
    else:
        q = exact.map(lambda band: band.round().long())
    agree(coder, q, simd)


@pytest.mark.parametrize("states", [8, 64, 256])
@given(size=SIZES, looks=st.integers(0, 2), seed=st.integers(0, 99))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_best_path_is_the_same(states, size, looks, seed):
    coder = BandCoder(integer_model(random_model("context", seed, dependent=True, states=states)))
    q = noise(size, 2, 4.0, seed)
    exact = q.map(lambda band: (band * 1.37 / 2).float())
    chosen = [with_core(name, lambda: dependent(coder, exact, STEP, looks)) for name in ("reference", "native")]
    for ours, theirs in zip(chosen[1].bands(), chosen[0].bands(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    agree(coder, chosen[0], SIMD[-1])


@given(
    kind=st.sampled_from(["context", "oriented", "reversible", "factorized"]),
    simd=st.sampled_from(SIMD),
    size=SIZES,
    spread=st.sampled_from([0.4, 5.0, 10**5]),
    seed=st.integers(0, 99),
)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_integers_chosen_are_the_same(kind, simd, size, spread, seed):
    coder = BandCoder(integer_model(random_model(kind, seed)))
    generator = torch.Generator().manual_seed(seed)
    exact = noise(size, 2, spread, seed).map(lambda q: (q + torch.rand(q.shape, generator=generator) - 0.5).float())
    exact = exact.existing()
    core.use_simd(simd)
    chosen = [with_core(name, lambda: optimised(coder, exact, STEP)) for name in ("reference", "native")]
    for ours, theirs in zip(chosen[1].bands(), chosen[0].bands(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_bits_are_those_of_the_logarithm():
    probability = torch.tensor([1, 2, 3, 2**14, 2**37 - 1, 2**38 - 1, 2**38])
    exact = 38 - probability.double().log2()
    torch.testing.assert_close(bits_of(probability).double(), exact, rtol=0, atol=2**-11)


def test_segments_do_not_depend_on_threads_nor_batches():
    coder = shipped_model("em_lossless").coder
    fine = 9 * torch.randn(4, 7, 8, 6, 10, generator=torch.Generator().manual_seed(0))
    coarse = noise((8, 6, 10), 4, 9.0)
    q = Subbands(coarse.approx, (*coarse.details, fine.round())).map(lambda band: band.long())
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = coder.encode(q, STEP)
        torch.set_num_threads(3)
        assert coder.encode(q, STEP) == alone
    finally:
        torch.set_num_threads(before)
    one = coder.encode(q.map(lambda band: band[2:3]), STEP)
    assert one == alone[2:3]


def test_range_coder_writes_what_constriction_writes():
    """Through the factorized model, whose intervals the reference hands to constriction."""
    generator = np.random.default_rng(0)
    for count in (1, 2, 3, 50):
        cuts = np.sort(generator.choice(2**24 - 2, 2, replace=False) + 1)
        left = np.where(generator.random(count) < 0.5, cuts[0], 0)
        frequency = np.where(left == 0, cuts[0], cuts[1] - cuts[0])
        assert core.encode_intervals(left.tolist(), frequency.tolist()) == encode_intervals(left, frequency)


@given(st.lists(st.tuples(st.integers(0, 2**24 - 1), st.integers(1, 2**24 - 2)), max_size=40))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_intervals_are_coded_alike(parts):
    left = np.array([min(a, 2**24 - b) for a, b in parts], dtype=np.int64)
    frequency = np.array([b for _, b in parts], dtype=np.int64)
    assert core.encode_intervals(left.tolist(), frequency.tolist()) == encode_intervals(left, frequency)


def test_damaged_segments_are_refused_or_decode_to_something():
    coder = shipped_model("em_nano").coder
    generator = np.random.default_rng(0)
    for _ in range(50):
        tile = [generator.bytes(int(generator.integers(0, 60))) for _ in range(22)]
        with suppress(AiwaveError):
            decoded = coder.decode([tile], (16, 16, 16), STEP)
            assert max(int(band.abs().max()) for band in decoded.bands()) < 2**23
    with pytest.raises(AiwaveError, match="damaged"):
        coder.decode([[b"\xff" * 400] * 22], (16, 16, 16), STEP)


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [("AIWAVE_CORE", "fast", "native or reference"), ("AIWAVE_SIMD", "mmx", "plain")],
)
def test_unknown_cores_and_instruction_sets_are_refused(monkeypatch, variable, value, words):
    monkeypatch.setenv(variable, value)
    with pytest.raises(AiwaveError, match=words):
        compiled_core()


def test_parts_that_do_not_fit_are_refused_at_the_border():
    coder = BandCoder(integer_model(random_model("context", 0)))
    native = coder.native()
    level = native._level(0, (4, 4, 4), 8, STEP)
    call = {"coarse": None, "approx": None, "threads": 1}
    for shape in [(1, 8, 2, 2, 3), (1, 7, 2, 2, 2), (0, 8, 2, 2, 2)]:
        with pytest.raises(ValueError, match=r"fit|axes|no tile"):
            core.encode_level(native._handle, level, np.zeros(shape, np.int32), **call)
    with pytest.raises(ValueError, match="too large"):
        core.encode_level(native._handle, level, np.full((1, 8, 2, 2, 2), 2**23, np.int32), **call)
    with pytest.raises(ValueError, match="lacks a segment"):
        core.decode_level(native._handle, level, [[b""] * 7], **call)
    exact, q = np.zeros((1, 8, 2, 2, 2), np.float32), np.zeros((1, 8, 2, 2, 2), np.int32)
    choose = {"slope": 0.1, **call}
    with pytest.raises(ValueError, match="trellis"):
        core.choose_path(native._handle, level, exact=exact, q=None, **choose)
    with pytest.raises(ValueError, match="too large"):
        core.choose_integers(native._handle, level, exact=exact + 2.0**23, q=q, **choose)
    with pytest.raises(ValueError, match="fit"):
        core.choose_integers(native._handle, level, exact=exact[:, :7], q=q, **choose)
