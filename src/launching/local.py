"""Sequential jobs in this process."""

from collections.abc import Sequence
from dataclasses import replace

from .base import Job, Launcher, Work


class LocalLauncher(Launcher):
    """Runs jobs in order, each with all cores unless `threads` is given."""

    def launch(self, jobs: Sequence[Job], work: Work) -> None:
        """See `Launcher.launch`."""
        for job in jobs:
            work(replace(job, threads=self.threads))
