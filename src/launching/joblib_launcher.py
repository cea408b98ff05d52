"""Concurrent jobs on this machine."""

from collections.abc import Sequence
from dataclasses import replace

from .base import Job, Launcher, Work, cores, engine
from .process import run_in_process


class JoblibLauncher(Launcher):
    """Runs jobs with joblib, each in its own process, which ends when this one does.

    The cores are divided among the jobs: two threads per job if neither `jobs` nor `threads` is given; if one is, the
    other follows from it.
    """

    def check(self) -> None:
        """See `Launcher.check`."""
        engine("joblib", "joblib")

    def launch(self, jobs: Sequence[Job], work: Work) -> None:
        """See `Launcher.launch`."""
        joblib = engine("joblib", "joblib")
        at_once, threads = self.shares(cores())
        own = [replace(job, threads=threads) for job in jobs]
        joblib.Parallel(n_jobs=at_once, backend="threading", batch_size=1)(
            joblib.delayed(run_in_process)(job, work) for job in own
        )

    def shares(self, available: int) -> tuple[int, int]:
        """Number of concurrent jobs, and threads per job, on `available` cores."""
        at_once = self.jobs or max(1, available // (self.threads or 2))
        return at_once, self.threads or max(1, available // at_once)
