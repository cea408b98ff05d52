"""A sweep's jobs side by side, each in a process of its own."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from ...child_processes import end_with
from ...errors import escape_output
from ...system import cores
from .launcher import Launcher, SweepJob, Work

CALL = "from aiwave.sweeps.launchers.joblib_launcher import main; main()"


def run_in_process(job: SweepJob, work: Work) -> None:
    """Call `work(job)` in a new process, with its number of threads limited from the start, and wait for it."""
    order = {
        "work": [work.__module__, work.__qualname__],
        "job": [job.number, str(job.folder), list(job.overrides), job.label, job.threads, job.trust],
        "parent": os.getpid(),
    }
    limits = {} if job.threads is None else {"OMP_NUM_THREADS": str(job.threads), "MKL_NUM_THREADS": str(job.threads)}
    command = [sys.executable, "-c", CALL, json.dumps(order)]
    subprocess.run(command, env=os.environ | limits, stdin=subprocess.DEVNULL, check=False)


def main() -> None:
    """Entry point of the process: run the job described by the only argument."""
    escape_output()
    order = json.loads(sys.argv[1])
    threading.Thread(target=end_with, args=(order["parent"],), daemon=True).start()
    module, name = order["work"]
    number, folder, overrides, label, threads, trust = order["job"]
    try:
        job = SweepJob(number, Path(folder), tuple(overrides), label, threads, tuple(trust))
        getattr(import_module(module), name)(job)
    except KeyboardInterrupt:
        sys.exit(130)


class JoblibLauncher(Launcher):
    """Runs jobs with joblib, each in its own process, which ends when this one does.

    The cores are divided among the jobs: two threads per job if neither `jobs` nor `threads` is given; if one is, the
    other follows from it.
    """

    @property
    def at_once(self) -> int:
        """See `Launcher.at_once`."""
        return self.shares(cores())[0]

    def launch(self, jobs: Sequence[SweepJob], work: Work) -> None:
        """See `Launcher.launch`."""
        import joblib

        at_once, threads = self.shares(cores())
        own = [replace(job, threads=threads) for job in jobs]
        joblib.Parallel(n_jobs=at_once, backend="threading", batch_size=1)(
            joblib.delayed(run_in_process)(job, work) for job in own
        )

    def shares(self, available: int) -> tuple[int, int]:
        """Number of concurrent jobs, and threads per job, on `available` cores."""
        at_once = self.jobs or max(1, available // (self.threads or 2))
        return at_once, self.threads or max(1, available // at_once)
