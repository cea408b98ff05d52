"""Batches coded by several threads: the same bytes and voxels as by one, and errors that arrive."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing

import numpy as np
import pytest
import torch

from aiwave.api import compress, decompress
from aiwave.bitstream.tile_codec import TileCodec
from aiwave.bitstream.workers import helpers_for, outcomes
from aiwave.coding.core import compiled_core
from aiwave.errors import AiwaveError
from tests.conftest import textured


def square(number):
    """Squares numbers, tells where, and refuses some."""
    if number == "refuse":
        raise AiwaveError("The number is none.")
    time.sleep(0.01)
    return number**2, threading.get_ident()


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def helpers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("aiwave")]


def test_threads_share_the_work_and_end():
    taken, done, places = [], {}, set()

    def numbers():
        for number in range(40):
            taken.append(number)
            yield number

    with closing(outcomes(square, numbers(), helpers=1)) as results:
        for number, (result, place) in results:
            done[number] = result
            places.add(place)
            assert helpers()
            assert len(taken) <= len(done) + 4
    assert done == {number: number**2 for number in range(40)}
    assert len(places) == 2
    assert not helpers()


@pytest.mark.parametrize("count", [0, 1])
def test_an_error_of_a_thread_arrives(count):
    with pytest.raises(AiwaveError, match="The number is none"):  # noqa: SIM117
        with closing(outcomes(square, [1, "refuse", 2], count)) as results:
            list(results)
    assert not helpers()


def test_threads_end_where_nobody_waits_for_the_rest():
    with closing(outcomes(square, range(100), helpers=1)) as results:
        next(results)
    assert not helpers()


def test_one_thread_or_one_batch_needs_no_helpers_nor_does_the_reference(two_threads, monkeypatch):
    if compiled_core() is not None:
        assert [helpers_for(count) for count in (0, 1, 2, 100)] == [0, 0, 1, 1]
    monkeypatch.setenv("AIWAVE_CORE", "reference")
    assert helpers_for(100) == 0
    torch.set_num_threads(1)
    assert helpers_for(100) == 0


@pytest.fixture
def small_batches(monkeypatch, two_threads):
    for name in ("BATCH", "REFERENCE_BATCH"):
        monkeypatch.setattr(sys.modules["aiwave.bitstream.workers"], name, 8**3)


def test_streams_and_voxels_do_not_depend_on_threads(small_batches):
    volume, seen = textured((8, 16, 24), 0), []
    data = compress(volume, "em_nano", step=4.5, tile=8, progress=seen.append)
    voxels = decompress(data, progress=seen.append)
    assert sum(seen) == 2 * volume.size
    assert max(seen) < volume.size / 4
    torch.set_num_threads(1)
    assert data == compress(volume, "em_nano", step=4.5, tile=8)
    np.testing.assert_array_equal(decompress(data), voxels)


def test_no_memory_for_threads_is_a_sentence(small_batches, monkeypatch):
    volume = textured((8, 16, 24), 0)
    data = compress(volume, "em_nano", step=4.5, tile=8)

    def refused(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", refused)
    if compiled_core() is not None:
        with pytest.raises(AiwaveError, match="not enough memory"):
            decompress(data)


def test_a_damaged_tile_is_named_wherever_it_is_decoded(small_batches, monkeypatch):
    torch.set_num_threads(1)
    with monkeypatch.context() as patch:
        patch.setattr(TileCodec, "content", lambda *_: 1)
        data = compress(textured((8, 16, 24), 0), "em_nano", step=4.5, tile=8)
    torch.set_num_threads(2)
    with pytest.raises(AiwaveError, match="does not decode to the encoded voxels"):
        decompress(data)
    assert not helpers()


@pytest.mark.parametrize("core", ["native", "reference"])
def test_ctrl_c_ends_all_threads_and_leaves_no_file(tmp_path, core):
    if core == "native" and compiled_core() is None:
        pytest.skip("the compiled core is missing")
    np.save(tmp_path / "in.npy", np.random.default_rng(0).integers(0, 256, (256, 256, 256), "uint8"))
    command = [sys.executable, "-m", "aiwave", "compress", "in.npy", "out.aiw", "--model", "em_nano", "--step", "4.5"]
    environment = os.environ | {"AIWAVE_CORE": core, "OMP_NUM_THREADS": "2"}
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=environment)
    time.sleep(8)  # the work has begun
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    assert process.wait(60) == 130
    assert core == "reference" or time.monotonic() - began < 10
    assert process.stderr.read().endswith("aiwave: Interrupted.\n")
    assert [file.name for file in tmp_path.iterdir()] == ["in.npy"]
