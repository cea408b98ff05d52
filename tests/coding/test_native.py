"""The compiled core against the PyTorch reference: the same bytes and choices, on every instruction set."""

import re
import signal
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiwave.coding import core as core_module
from aiwave.coding.band_coder import BandCoder
from aiwave.coding.constants import log_step_of
from aiwave.coding.core import _core, compiled_core, is_cut_short
from aiwave.coding.encoder_choice import dependent, optimised
from aiwave.coding.integer_context import IntegerContext
from aiwave.coding.integer_layer import IntegerLayer
from aiwave.coding.native_coder import NativeCoder, native_tables
from aiwave.coding.native_entropy import NativeEntropy
from aiwave.coding.reference_engine import levels_of
from aiwave.coding.symbol_io import encode_intervals
from aiwave.coding.tensor_tables import bits_of
from aiwave.coding.to_integer.entropy_from_float import integer_model
from aiwave.errors import AiwaveError
from aiwave.models.entropy import Laplace, LogisticMixture
from aiwave.models.subbands import Subbands
from aiwave.pretrained.card import cards
from aiwave.pretrained.choice import shipped_model
from tests.builders import entropy, shake
from tests.coding.test_band_coder import KINDS, noise

core = compiled_core()
pytestmark = pytest.mark.skipif(core is None, reason="the compiled core is missing")

STEP = log_step_of(4.5)
SIMD = core.simd_levels() if core else []
SIZES = st.tuples(*[st.integers(1, 13)] * 3)
DENSITIES = st.sampled_from([Laplace, *(partial(LogisticMixture, count) for count in (1, 2, 3, 5))])


@pytest.fixture(autouse=True)
def any_core(monkeypatch):
    """Restore the environment and the instruction set."""
    monkeypatch.delenv("AIWAVE_CORE", raising=False)
    yield
    core.use_simd(SIMD[-1])


def agree(model, q, simd):
    """Both cores write the same segments, and the compiled one reads them."""
    core.use_simd(simd)
    segments, levels = BandCoder(model).encode(q, STEP), levels_of(q)
    compiled = NativeEntropy(core, model)
    assert compiled.encode(levels, q.size, STEP) == segments
    same(compiled.decode(segments, q.size, STEP, q.levels), levels)


def same(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype == np.int32


def choose_alike(model, exact, looks):
    """Both cores choose the same coefficients, which are returned."""
    choose = dependent if model.dependent else optimised
    chosen = choose(BandCoder(model), exact, STEP, *[looks] * model.dependent)
    floats = [stack.numpy() for stack in exact.level_stacks()]
    same(NativeEntropy(core, model).quantised(floats, exact.size, STEP, looks), levels_of(chosen))
    return chosen


def random_model(kind, seed, channels=6, std=0.05, **changes):
    torch.manual_seed(seed)
    name = "factorized" if kind == "factorized" else "context"
    own = {} if kind == "factorized" else {"channels": channels}
    return shake(entropy(name, **KINDS[kind] | own | changes), std=std).eval()


@given(
    kind=st.sampled_from(sorted(KINDS)),
    simd=st.sampled_from(SIMD),
    size=SIZES,
    tiles=st.integers(1, 3),
    spread=st.sampled_from([0.3, 5, 300, 10**6]),
    channels=st.integers(2, 40),
    layers=st.integers(0, 3),
    density=DENSITIES,
    seed=st.integers(0, 99),
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_models_give_the_same_bytes(kind, simd, size, tiles, spread, channels, layers, density, seed):
    own = {"layers": layers} if kind != "factorized" else {}
    model = integer_model(random_model(kind, seed, channels - channels % 2, density=density(), **own))
    agree(model, noise(size, tiles, spread, seed), simd)


def multiplied(model, factor_of):
    """The model with every layer's weights, biases and scale times factor_of(layer, its largest weight)."""

    def large(layer):
        factor = int(factor_of(layer, max(1, int(np.abs(layer.weight).max()))))
        return IntegerLayer(layer.weight * factor, layer.bias * factor, layer.shift + factor.bit_length(), layer.limit)

    assert isinstance(model, IntegerContext)
    return replace(model, layers={name: large(layer) for name, layer in model.layers.items()})


with_context = given(
    kind=st.sampled_from(sorted({*KINDS} - {"factorized"})),
    simd=st.sampled_from(SIMD),
    size=SIZES,
    seed=st.integers(0, 99),
)


@with_context
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_weights_at_the_limits_of_the_format_give_the_same_bytes(kind, simd, size, seed):
    """Layers whose sums need 64 bits, next to ordinary ones."""
    generator = np.random.default_rng(seed)
    model = integer_model(random_model(kind, seed))
    wide = multiplied(model, lambda layer, most: generator.integers(2**14 // most, 2**15 // most))
    small = all(int(layer.bounds.max()) < 2**31 for layer in wide.layers.values())
    assert NativeCoder(core, wide)._handle.narrow == small
    assert not small or kind not in ("context", "oriented", "reversible")
    agree(wide, noise(size, 2, 300.0, seed), simd)


@with_context
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sums_at_the_limit_of_32_bits_give_the_same_bytes(kind, simd, size, seed):
    """Layers as large as the fast kernels take: every sum may come close to 2**31."""
    model = integer_model(random_model(kind, seed))
    full = multiplied(
        model, lambda layer, most: max(1, min((2**15 - 1) // most, (2**31 - 1) // int(layer.bounds.max())))
    )
    assert NativeCoder(core, full)._handle.narrow
    agree(full, noise(size, 2, 300.0, seed), simd)


@pytest.mark.parametrize("simd", SIMD)
@pytest.mark.parametrize("name", [card.name for card in cards() if not card.name.startswith("voxels")])
def test_ready_made_models_give_the_same_bytes(name, simd):
    model = shipped_model(name).parameters.entropy
    generator = torch.Generator().manual_seed(1)
    shape = [(3, 3, 2), (6, 5, 4), (12, 10, 8)]
    bands = [torch.randn(2, 7, *side, generator=generator) * 4 for side in shape]
    low = torch.randn(2, 1, *shape[0], generator=generator) * 300
    exact = Subbands(low, tuple(bands), (24, 20, 16)).existing()
    core.use_simd(simd)
    agree(model, choose_alike(model, exact, 2), simd)


@pytest.mark.parametrize("states", [8, 64, 256])
@given(
    kind=st.sampled_from(
        ["context", "laplace", "short only", "sections", "oriented", "oriented, short only", "magnitudes, oriented"]
    ),
    simd=st.sampled_from(SIMD),
    size=SIZES,
    looks=st.integers(0, 2),
    seed=st.integers(0, 99),
)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_best_path_is_the_same(states, kind, simd, size, looks, seed):
    model = integer_model(random_model(kind, seed, dependent=True, states=states))
    exact = noise(size, 2, 4.0, seed).map(lambda band: (band * 1.37 / 2).float())
    core.use_simd(simd)
    agree(model, choose_alike(model, exact, looks), simd)


@given(
    kind=st.sampled_from(["context", "oriented", "reversible", "factorized"]),
    simd=st.sampled_from(SIMD),
    size=SIZES,
    spread=st.sampled_from([0.4, 5.0, 10**5]),
    seed=st.integers(0, 99),
)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_integers_chosen_are_the_same(kind, simd, size, spread, seed):
    model = integer_model(random_model(kind, seed))
    generator = torch.Generator().manual_seed(seed)
    exact = noise(size, 2, spread, seed).map(lambda q: (q + torch.rand(q.shape, generator=generator) - 0.5).float())
    core.use_simd(simd)
    choose_alike(model, exact.existing(), 1)


def test_bits_are_those_of_the_logarithm():
    probability = torch.tensor([1, 2, 3, 2**14, 2**37 - 1, 2**38 - 1, 2**38])
    exact = 38 - probability.double().log2()
    torch.testing.assert_close(bits_of(probability).double(), exact, rtol=0, atol=2**-11)


def test_segments_do_not_depend_on_threads_nor_batches():
    model = shipped_model("em_lossless").parameters.entropy
    fine = 9 * torch.randn(4, 7, 8, 6, 10, generator=torch.Generator().manual_seed(0))
    coarse = noise((8, 6, 10), 4, 9.0)
    q = levels_of(Subbands(coarse.approx, (*coarse.details, fine.round())))
    alone = NativeEntropy(core, model, threads=1).encode(q, (16, 12, 20), STEP)
    assert NativeEntropy(core, model, threads=3).encode(q, (16, 12, 20), STEP) == alone
    one = NativeEntropy(core, model).encode([level[2:3] for level in q], (16, 12, 20), STEP)
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
    coder = NativeEntropy(core, shipped_model("em_nano").parameters.entropy)
    generator = np.random.default_rng(0)
    for _ in range(50):
        tile = [generator.bytes(int(generator.integers(0, 60))) for _ in range(22)]
        with suppress(AiwaveError):
            decoded = coder.decode([tile], (16, 16, 16), STEP, 3)
            assert max(int(np.abs(level).max()) for level in decoded) < 2**23
    with pytest.raises(AiwaveError, match="damaged"):
        coder.decode([[b"\xff" * 400] * 22], (16, 16, 16), STEP, 3)


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [("AIWAVE_CORE", "fast", "native or reference"), ("AIWAVE_SIMD", "mmx", "plain")],
)
def test_unknown_cores_and_instruction_sets_are_refused(monkeypatch, variable, value, words):
    monkeypatch.setenv(variable, value)
    with pytest.raises(AiwaveError, match=words):
        compiled_core()


def test_an_instruction_set_is_that_of_the_environment_now(monkeypatch):
    told = []
    fake = SimpleNamespace(use_simd=told.append, simd_levels=lambda: ["plain", "fastest"])
    monkeypatch.setattr(core_module, "_core", lambda core: fake)
    monkeypatch.setattr(core_module, "_in_use", [])
    for value in ("plain", "plain", "", ""):
        monkeypatch.setenv("AIWAVE_SIMD", value)
        assert compiled_core() is fake
    assert told == ["plain", "fastest"]


def test_parts_that_do_not_fit_are_refused_at_the_border():
    native = NativeCoder(core, integer_model(random_model("context", 0)))
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
    with pytest.raises(ValueError, match="no model"):
        core.encode_level(None, level, q, **call)
    coarse, approx = np.zeros((1, 2, 2, 2, 2), np.int32), np.zeros((1, 1, 2, 2, 2), np.int64)
    for far in ({"coarse": coarse + 2**30}, {"coarse": coarse, "approx": approx + 2**62}):
        with pytest.raises(ValueError, match="out of range"):
            core.encode_level(native._handle, level, q, **call | far)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"limit": 2**20}, "smaller inputs"), ({"thresholds": np.array([2, 1])}, "do not rise")],
)
def test_models_whose_numbers_would_not_fit_are_refused_at_the_border(changes, words):
    model = integer_model(random_model("context", 0))

    class Altered:
        Tables = core.Tables

        @staticmethod
        def ContextModel(**parts):
            return core.ContextModel(**parts | changes)

    with pytest.raises(ValueError, match=words):
        _ = NativeCoder(Altered, model)._handle


@pytest.mark.parametrize("name", ["cdf", "bin_cdf", "mantissa", "shift", "scale", "inverse_scale", "softmax"])
def test_tables_out_of_range_are_refused(name):
    class Altered:
        @staticmethod
        def Tables(**tables):
            return core.Tables(**tables | {name: tables[name] * 0 - 1})

    with pytest.raises(ValueError, match="out of range"):
        native_tables(Altered, "logistic")


def test_a_library_that_is_cut_short_is_not_loaded(tmp_path, monkeypatch, capfd):
    data = Path(core.__file__).read_bytes()
    assert not is_cut_short(Path(core.__file__))
    for length in (0, 63, 64, 5000, len(data) - 1):
        for kept in (data[:length], data[:length] + bytes(len(data) - length)):
            (tmp_path / "cut.so").write_bytes(kept)
            assert is_cut_short(tmp_path / "cut.so") or not kept.startswith(b"\x7fELF") or kept == data
    monkeypatch.setattr("aiwave.coding.core.is_cut_short", lambda path: True)
    monkeypatch.setenv("AIWAVE_CORE", "native")
    monkeypatch.setenv("AIWAVE_SIMD", "plain")
    _core.cache_clear()
    with pytest.raises(AiwaveError, match=r"cannot be loaded \(.* is damaged\): install aiwave again"):
        compiled_core()
    monkeypatch.setenv("AIWAVE_CORE", "")
    assert compiled_core() is None
    said = capfd.readouterr().err
    assert re.fullmatch(r"aiwave: The compiled core cannot be loaded .* is damaged\): install aiwave again. .*\n", said)
    assert "g++" not in said
    _core.cache_clear()


def test_an_interrupt_during_the_last_piece_of_work_is_an_interrupt():
    exact = np.random.default_rng(0).normal(0, 2, (1, 7, 48, 48, 48)).astype("float32")
    model = shipped_model("em_nano")
    coder = NativeCoder(core, model.parameters.entropy)

    def interrupt(*_):
        raise KeyboardInterrupt

    def work(delay):
        signal.setitimer(signal.ITIMER_REAL, delay)
        # the first path through the trellis is found without asking whether to stop
        coder.choose_path(model.levels - 1, (96, 96, 96), exact, None, None, STEP)
        time.sleep(5)

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for delay in (0.005, 0.05, 0.15):
            with pytest.raises(KeyboardInterrupt):
                work(delay)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
