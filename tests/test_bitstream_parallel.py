"""Tiles coded at the same time: the same bytes and voxels as one after another, and errors that arrive."""

import os
import signal
from threading import Barrier, Thread
from time import sleep

import numpy as np
import pytest
import torch

from aiwave.bitstream import compress, decompress
from aiwave.bitstream.parallel import parallel
from aiwave.errors import AiwaveError

from .conftest import textured
from .files import file_model


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_results_come_in_order_and_every_part_computes_with_one_thread(threads):
    seen = []

    def work(items):
        seen.append((len(items), torch.get_num_threads()))
        return [2 * item for item in items]

    with parallel() as run:
        assert run(work, list(range(7))) == [2 * k for k in range(7)]
    assert sum(count for count, _ in seen) == 7
    assert [inner for _, inner in seen] == [1] * threads
    seen.clear()
    with parallel() as run:
        assert run(work, [5]) == run(work, [5], small=True) == [10]
    assert seen == [(1, threads), (1, 1)]
    assert torch.get_num_threads() == threads


def test_an_error_in_one_part_ends_everything(threads):
    def work(items):
        if 6 in items:
            raise AiwaveError("no.")
        return list(items)

    with pytest.raises(AiwaveError, match="no"), parallel() as run:
        run(work, list(range(7)))
    assert torch.get_num_threads() == threads


def test_ctrl_c_ends_the_work_of_all_threads():
    torch.set_num_threads(2)
    started, ended = Barrier(3), []

    def work(items):
        started.wait(10)
        try:
            while True:
                run.check()
                sleep(0.001)
        except KeyboardInterrupt:
            ended.append(items)
            raise

    def interrupt():
        started.wait(10)
        sleep(0.2)  # a pool interrupted while it starts a thread does not know that one yet
        os.kill(os.getpid(), signal.SIGINT)

    Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt), parallel() as run:
        run(work, list(range(4)))
    assert len(ended) == 2


def test_bytes_and_lossless_voxels_do_not_depend_on_threads(threads):
    volume, model = textured((9, 17, 25), 0), file_model("learned")
    data, seen = compress(volume, model, lossless=True, tile=8), []
    torch.set_num_threads(1)
    assert data == compress(volume, model, lossless=True, tile=8)
    torch.set_num_threads(threads)
    np.testing.assert_array_equal(decompress(data, model=model, progress=seen.append), volume)
    assert sum(seen) == volume.size
