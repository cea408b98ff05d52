"""Conversion by other processes: those of a scheduler, our own, and what happens if they or the command are killed."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
from distributed import LocalCluster

import zarr
from aiwave.cli import main
from aiwave.conversion import running, work
from aiwave.errors import AiwaveError
from tests.conftest import textured

OPTIONS = ["--chunk", "32", "--shard", "64", "--model", "em_lossless", "--lossless", "--levels", "2"]


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in Path(folder).rglob("c/**/*") if path.is_file()}


def test_the_workers_of_a_scheduler_do_it_and_say_which_chunk_fails(monkeypatch, capsys):
    volume = textured((40, 33, 34), 0)
    np.save("a.npy", volume)
    with LocalCluster(1, processes=False, protocol="tcp", threads_per_worker=2, dashboard_address=None) as cluster:
        there = ["--scheduler", cluster.scheduler_address]
        assert main(["convert", "a.npy", "out.zarr", *OPTIONS, *there]) == 0
        with monkeypatch.context() as patch:
            patch.setattr(work.Cell, "encode", lambda *_: (_ for _ in ()).throw(MemoryError()))
            assert main(["convert", "a.npy", "other.zarr", *OPTIONS, *there]) == 1
    (said,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("aiwave: ")]
    assert said.startswith("aiwave: The chunk of level 0 at ")
    assert "could not be coded: There is not enough memory" in said
    np.testing.assert_array_equal(zarr.open_array("out.zarr/0", mode="r")[:], volume)
    assert main(["convert", "a.npy", "alone.zarr", *OPTIONS, "--workers", "1"]) == 0
    assert files("out.zarr") == files("alone.zarr")


def test_a_scheduler_that_is_not_there_is_said_in_a_sentence(monkeypatch, capsys):
    np.save("a.npy", textured((8, 8, 8), 0))
    monkeypatch.setattr(running, "PATIENCE", "1s")
    assert main(["convert", "a.npy", "out.zarr", *OPTIONS, "--scheduler", "127.0.0.1:9"]) == 1
    assert "No scheduler of Dask can be reached at 127.0.0.1:9" in capsys.readouterr().err


def test_processes_of_our_own_do_it_with_the_settings_as_they_are(capsys):
    volume = textured((16, 160, 16), 0)
    np.save("a.npy", volume)
    sides = ["--chunk", "16", "--shard", "160", "--model", "em_lossless", "--levels", "1"]
    assert main(["convert", "a.npy", "out.zarr", *sides, "--workers", "2"]) == 0
    np.testing.assert_array_equal(zarr.open_array("out.zarr/0", mode="r")[:], volume)
    assert "in a worker" in capsys.readouterr().out


@dataclass
class Nothing:
    """A piece of work that is none."""

    voxels = 0
    words = "A piece"

    def __call__(self):
        return 0


@pytest.mark.slow
def test_workers_may_sleep_and_a_cluster_without_any_is_given_up(monkeypatch):
    monkeypatch.setitem(running.SETTINGS, "distributed.scheduler.no-workers-timeout", "1s")
    with running._client(1, None) as client:
        (pid,) = client.run(os.getpid).values()
        os.kill(pid, signal.SIGSTOP)
        time.sleep(2)
        os.kill(pid, signal.SIGCONT)
        assert client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.worker_ttl) is None
        assert [memory for _, memory in running._there(client, [Nothing()])] == [0]
        client.cluster.scale(0)
        while client.nthreads():
            time.sleep(0.1)
        with pytest.raises(AiwaveError, match="A piece was not done, since no workers are left"):
            list(running._there(client, [Nothing()]))


FAULTS = """
import resource
import numpy as np
from aiwave.conversion.work import _calm

_calm()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    np.ones(1 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_workers_keep_the_memory_of_large_arrays_whatever_a_nanny_asks_for():
    environment = {**os.environ, "MALLOC_TRIM_THRESHOLD_": "65536"}
    out = subprocess.run([sys.executable, "-c", FAULTS], env=environment, capture_output=True, check=True)
    assert int(out.stdout) < 3 * 2048  # pages of an array of 8 MB, where 50 are made


class Command:
    """The command in a process of its own, with two workers."""

    def __init__(self, target):
        words = ["convert", "a.npy", target, *OPTIONS, "--workers", "2"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "aiwave", *words], env=environment, text=True, stdout=subprocess.PIPE
        )
        self.journal = Path(f"{target}.part/journal")

    def wait_for_parts(self, count):
        while len(self.done()) < count:
            assert self.process.poll() is None, "it has ended before it could be killed"
            time.sleep(0.02)

    def done(self):
        """Parts and shards that are finished, with what changes if they are written again."""
        return {path: path.stat().st_ino for path in self.journal.glob("*/*") if not path.name.startswith(".")}

    def workers(self):
        found = psutil.Process(self.process.pid).children(recursive=True)
        return [one for one in found if "spawn_main" in " ".join(one.cmdline())]

    def ended(self):
        out, _ = self.process.communicate(timeout=600)
        assert self.process.returncode == 0
        return out


@pytest.fixture
def undisturbed():
    volume = textured((96, 128, 160), 0)
    np.save("a.npy", volume)
    assert main(["convert", "a.npy", "whole.zarr", *OPTIONS, "--workers", "1", "--quiet"]) == 0
    return files("whole.zarr")


@pytest.mark.slow
def test_a_worker_that_is_killed_is_replaced(undisturbed):
    command = Command("out.zarr")
    command.wait_for_parts(1)
    os.kill(command.workers()[0].pid, signal.SIGKILL)
    command.ended()
    assert files("out.zarr") == undisturbed


@pytest.mark.slow
def test_after_the_command_is_killed_the_next_goes_on(undisturbed):
    command = Command("out.zarr")
    command.wait_for_parts(2)
    workers = command.workers()
    assert len(workers) == 2
    command.process.kill()
    psutil.wait_procs(workers, timeout=60)
    assert not any(one.is_running() for one in workers)
    before, chunk = command.done(), 32**3
    parts = [path for path in before if path.parent.name == "0"]
    assert parts
    assert not Path("out.zarr").exists()
    again = Command("out.zarr")
    seen = {}
    while again.process.poll() is None:
        seen |= {path: node for path, node in again.done().items() if path in before}
        time.sleep(0.02)
    out = again.ended()
    assert all(before[path] == node for path, node in seen.items())  # none was written again
    assert files("out.zarr") == undisturbed
    coded = int(out.rpartition("out.zarr: ")[2].split()[0])
    whole = 96 * 128 * 160 * 9 // 8
    assert 0 < coded < whole
    assert (whole - coded) % chunk == 0
