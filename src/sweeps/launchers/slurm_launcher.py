"""Jobs on a Slurm cluster."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ...bounds import Count, CountOrNone
from .launcher import Launcher, SweepJob, Work, engine


class SlurmLauncher(Launcher):
    """Submits a job array with submitit and waits for it; sources and run folders must be on a shared disk.

    `options` are passed to submitit's `update_parameters`, such as `timeout_min` or `slurm_partition`; `cluster` among
    them selects the executor (null: Slurm; local: processes on this machine). submitit's own files go to `submitit/` in
    the sweep's folder. A job takes `gpus` GPUs.
    """

    def __init__(
        self,
        jobs: Count | None = None,
        threads: Count | None = None,
        gpus: CountOrNone = 0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(jobs, threads)
        self.gpus = gpus
        self.options = dict(options or {})

    def check(self) -> None:
        """See `Launcher.check`."""
        engine("submitit", "slurm")

    def launch(self, jobs: Sequence[SweepJob], work: Work) -> None:
        """See `Launcher.launch`."""
        submitit = engine("submitit", "slurm")
        own = [replace(job, threads=self.threads) for job in jobs]
        given = {key: value for key, value in self.options.items() if value is not None}
        executor: Any = submitit.AutoExecutor(
            folder=own[0].folder.parent / "submitit", cluster=given.pop("cluster", "slurm")
        )
        limits: dict[str, Any] = {"cpus_per_task": self.threads, "gpus_per_node": self.gpus or None}
        if executor.cluster == "slurm":
            limits["slurm_array_parallelism"] = self.jobs
        executor.update_parameters(**{key: value for key, value in limits.items() if value is not None}, **given)
        for submitted in executor.map_array(work, own):
            with suppress(submitit.core.utils.FailedJobError, submitit.core.utils.UncompletedJobError):
                submitted.result()
