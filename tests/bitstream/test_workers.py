"""Batches coded by several processes: the same bytes and voxels as by one, and errors that arrive."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing

import numpy as np
import pytest
import torch

from aiwave.api import compress, decompress
from aiwave.bitstream.tile_codec import TileCodec
from aiwave.bitstream.workers import helpers_for, outcomes
from aiwave.errors import AiwaveError
from tests.conftest import textured


class Square:
    """Squares numbers, tells where, and does what some of them order. Larger than a pipe's memory."""

    def __init__(self):
        self.ballast = bytes(10**6)

    def __call__(self, number):
        if number == "refuse":
            raise AiwaveError("The number is none.")
        if number == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        return number**2, os.getpid(), torch.get_num_threads()


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def children():
    """Processes that this one has started, but for trackers of resources."""
    command = ["ps", "-wwo", "pid=,args=", "--ppid", str(os.getpid())]
    listed = subprocess.run(command, capture_output=True, text=True).stdout
    return [int(line.split()[0]) for line in listed.splitlines() if "LokyProcess" in line]


def until(condition):
    """Wait until something is so, a minute at most."""
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_helpers_do_their_share_with_one_thread_each_and_end(two_threads):
    taken = []

    def numbers():
        for number in range(40):
            taken.append(number)
            yield number

    done = {}
    with closing(outcomes(Square(), numbers(), helpers=1)) as results:
        for number, (square, process, threads) in results:
            done[number] = square
            assert threads == 1
            assert len(taken) <= len(done) + 4
            if process == os.getpid():
                time.sleep(0.2)  # until the helper has started
    assert done == {number: number**2 for number in range(40)}
    assert torch.get_num_threads() == 2
    assert not children()


@pytest.mark.parametrize(("order", "words"), [("refuse", "The number is none"), ("die", "ended unexpectedly")])
def test_what_happens_to_a_helper_is_told_in_one_sentence(order, words):
    with pytest.raises(AiwaveError, match=words), closing(outcomes(Square(), [order, 1, 2], helpers=1)) as results:
        list(results)
    assert not children()


def test_a_helper_that_is_killed_before_it_starts_is_told():
    with closing(outcomes(Square(), range(100), helpers=1)) as results:
        next(results)
        until(children)
        os.kill(children()[0], signal.SIGKILL)
        time.sleep(1)
        with pytest.raises(AiwaveError, match="ended unexpectedly"):
            list(results)


def test_helpers_end_where_nobody_waits_for_the_rest():
    with closing(outcomes(Square(), range(100), helpers=1)) as results:
        next(results)
        until(children)
    assert not children()


def test_one_thread_or_one_batch_needs_no_helpers(two_threads):
    assert [helpers_for(count) for count in (0, 1, 2, 100)] == [0, 0, 1, 1]
    torch.set_num_threads(1)
    assert helpers_for(100) == 0


@pytest.fixture
def small_batches(monkeypatch, two_threads):
    for module in ("writer", "decoder"):
        monkeypatch.setattr(sys.modules[f"aiwave.bitstream.{module}"], "BATCH", 8**3)


def test_streams_and_voxels_do_not_depend_on_processes(small_batches):
    volume, seen = textured((8, 16, 24), 0), []
    data = compress(volume, "em_nano", step=4.5, tile=8, progress=seen.append)
    voxels = decompress(data, progress=seen.append)
    assert sum(seen) == 2 * volume.size
    assert max(seen) < volume.size / 4
    torch.set_num_threads(1)
    assert data == compress(volume, "em_nano", step=4.5, tile=8)
    np.testing.assert_array_equal(decompress(data), voxels)


def test_a_damaged_tile_is_named_wherever_it_is_decoded(small_batches, monkeypatch):
    torch.set_num_threads(1)
    with monkeypatch.context() as patch:
        patch.setattr(TileCodec, "content", lambda *_: 1)
        data = compress(textured((8, 16, 24), 0), "em_nano", step=4.5, tile=8)
    torch.set_num_threads(2)
    with pytest.raises(AiwaveError, match="does not decode to the encoded voxels"):
        decompress(data)
    assert not children()


CODE = """
import sys
from aiwave.api import compress
from aiwave.cli import main
import torch
sys.modules["aiwave.bitstream.writer"].BATCH = 32**3
torch.set_num_threads(2)
sys.exit(main(["compress", "in.npy", "out.aiw", "--model", "em_nano", "--step", "4.5", "--quiet"]))
"""


def test_ctrl_c_ends_all_processes_and_leaves_no_file(tmp_path):
    np.save(tmp_path / "in.npy", np.random.default_rng(0).integers(0, 256, (128, 128, 128), "uint8"))
    process = subprocess.Popen(
        [sys.executable, "-c", CODE], cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True
    )

    def group():
        return subprocess.run(["ps", "-wwo", "args=", "-s", str(process.pid)], capture_output=True, text=True).stdout

    until(lambda: "LokyProcess" in group() or process.poll() is not None)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(30) == 130
    assert process.stderr.read() == "aiwave: Interrupted.\n"
    assert [file.name for file in tmp_path.iterdir()] == ["in.npy"]
    assert "LokyProcess" not in group()
