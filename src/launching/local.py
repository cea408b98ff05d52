"""Sequential jobs in this process."""

from collections.abc import Sequence
from dataclasses import replace

from ..bounds import Count
from .base import Job, Launcher, Work


class LocalLauncher(Launcher):
    """Runs jobs in order, each with all cores unless `threads` is given."""

    def __init__(self, threads: Count | None = None) -> None:
        super().__init__(jobs=1, threads=threads)

    def launch(self, jobs: Sequence[Job], work: Work) -> None:
        """See `Launcher.launch`."""
        for job in jobs:
            work(replace(job, threads=self.threads))
