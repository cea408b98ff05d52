"""Launchers: fair shares of the machine, and engines that run the same jobs to the same results."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from aiwave.cli import main
from aiwave.report.tables import read_rd_csv
from aiwave.sweeps.expand import parsed
from aiwave.sweeps.launchers import JoblibLauncher, LocalLauncher, RayLauncher, SlurmLauncher, SweepJob, joblib_launcher
from aiwave.sweeps.search import Search
from tests.short_runs import TINY
from tests.sweeps.test_run_sweep import listed


def note(job):
    """Work for the launchers: tell threads and process; job 1 is killed."""
    if job.number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    Path(job.folder).mkdir(parents=True)
    Path(job.folder, "note").write_text(f"{job.threads} {os.environ.get('OMP_NUM_THREADS')} {os.getpid()} {job.label}")


@pytest.mark.parametrize(
    ("jobs", "threads", "cores", "shares"),
    [
        (None, None, 8, (4, 2)),
        (None, None, 1, (1, 1)),
        (2, None, 8, (2, 4)),
        (3, None, 8, (3, 2)),
        (None, 3, 8, (2, 3)),
        (16, None, 8, (16, 1)),
        (2, 1, 8, (2, 1)),
    ],
)
def test_cores_are_divided_fairly(jobs, threads, cores, shares):
    assert JoblibLauncher(jobs, threads).shares(cores) == shares


@pytest.mark.parametrize(
    ("launcher", "batches"),
    [
        (JoblibLauncher(), [4, 1]),
        (JoblibLauncher(jobs=2), [2, 2, 1]),
        (JoblibLauncher(threads=4), [2, 2, 1]),
        (LocalLauncher(), [1] * 5),
        (SlurmLauncher(), [1] * 5),
        (RayLauncher(jobs=3), [3, 2]),
    ],
)
def test_a_search_proposes_as_many_jobs_as_run_at_once(launcher, batches, tmp_path, monkeypatch):
    seen = []

    class Runner:
        def run(self, batch, common):
            seen.append(len(batch))
            return [SweepJob(k, tmp_path / str(k), overrides) for k, overrides in enumerate(batch)]

    monkeypatch.setattr(joblib_launcher, "cores", lambda: 8)
    runner = Runner()
    runner.launcher = launcher
    Search(trials=5, seed=0).run(runner, parsed(["lmbda=interval(1,9)"]))
    assert seen == batches


def test_jobs_run_in_processes_of_their_own_and_one_that_dies_stops_no_other(tmp_path):
    jobs = [SweepJob(k, tmp_path / str(k), (f"seed={k}",), f"label {k}") for k in range(3)]
    JoblibLauncher(jobs=2, threads=1).launch(jobs, note)
    notes = [(tmp_path / str(k) / "note").read_text().split() for k in (0, 2)]
    assert [(*first, *rest) for *first, _, _, rest in notes] == [("1", "1", "0"), ("1", "1", "2")]
    assert len({pid for _, _, pid, *_ in notes} | {str(os.getpid())}) == 3


def test_the_local_launcher_keeps_order_and_threads(tmp_path):
    seen = []
    jobs = [SweepJob(k, tmp_path / str(k), ()) for k in range(3)]
    LocalLauncher(threads=2).launch(jobs, seen.append)
    assert seen == [replace(job, threads=2) for job in jobs]


def compared(data_root, tmp_path, *launcher):
    """The jobs of a sweep on a launcher, and the same one after another here, with one failing on purpose."""
    arguments = ["-m", *TINY, f"dataset.root={data_root}", "schedule=one_stage", "epochs=1", "logger=none"]
    arguments += ["dataset.subset=cells,nothing", "transform=cdf97,additive"]
    results = []
    for name, extra in (("here", ["launcher.threads=1"]), ("there", launcher)):
        assert main(["train", *arguments, *extra, f"hydra.sweep.dir={tmp_path}/{name}"]) == 1
        assert [job["state"] for job in listed(tmp_path / name)] == ["finished", "finished", "failed", "failed"]
        rows = read_rd_csv(tmp_path / name / "rd.csv")
        results.append([(row.file, row.codec, row.quality, row.bpp, row.psnr_db) for row in rows])
    return results


@pytest.mark.slow
def test_submitit_runs_a_sweep_to_the_same_results(data_root, tmp_path):
    options = [
        "launcher=slurm",
        "launcher.options.cluster=local",
        "launcher.threads=1",
        "launcher.options.timeout_min=5",
    ]
    here, there = compared(data_root, tmp_path, *options)
    assert here == there


@pytest.mark.slow
def test_a_ray_cluster_of_two_nodes_runs_a_sweep_to_the_same_results(data_root, tmp_path):
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 80_000_000}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    try:
        cluster.add_node(**node)
        options = ["launcher=ray", f"launcher.address={cluster.address}", "launcher.threads=1"]
        here, there = compared(data_root, tmp_path, *options)
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert here == there
