"""Jobs on a Ray cluster."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from ...bounds import Count, CountOrNone
from ...errors import AiwaveError
from .launcher import Launcher, SweepJob, Work, engine


class RayLauncher(Launcher):
    """Runs jobs as Ray tasks; sources and run folders must be on a disk that all nodes share.

    `address` is the cluster's (null: RAY_ADDRESS, or a cluster of this machine alone; auto: the running one).
    A job takes `threads` cores (null: 1) and `gpus` GPUs; `jobs` bounds the number of concurrent jobs.
    """

    def __init__(
        self, jobs: Count | None = None, threads: Count | None = None, gpus: CountOrNone = 0, address: str | None = None
    ) -> None:
        super().__init__(jobs, threads)
        self.gpus = gpus
        self.address = address

    def check(self) -> None:
        """See `Launcher.check`."""
        engine("ray", "ray")

    def launch(self, jobs: Sequence[SweepJob], work: Work) -> None:
        """See `Launcher.launch`."""
        ray = engine("ray", "ray")
        threads = self.threads or 1
        try:
            ray.init(address=self.address, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise AiwaveError(
                f"The Ray cluster {self.address} cannot be reached: start it with `ray start --head`."
            ) from error
        task = ray.remote(num_cpus=threads, num_gpus=self.gpus, max_retries=0)(work)
        try:
            waiting = [replace(job, threads=threads, folder=job.folder.resolve()) for job in jobs]
            running: list[object] = []
            while waiting or running:
                while waiting and len(running) < (self.jobs or len(jobs)):
                    running.append(task.remote(waiting.pop(0)))
                done, running = ray.wait(running)
                for reference in done:
                    with suppress(ray.exceptions.RayError):
                        ray.get(reference)
        finally:
            ray.shutdown()
