"""Execution of the unfinished jobs of a sweep, and a summary of all."""

from collections.abc import Collection, Sequence
from pathlib import Path

from hydra.utils import instantiate

from ..errors import AiwaveError
from ..launching.base import Job, Launcher
from ..runs.session import read_status
from .arguments import record, with_recorded
from .expand import Overrides, configuration, expand, params, parsed
from .search import Search
from .summary import summarise
from .work import run_job


class Sweep:
    """Jobs in the folders `<folder>/<number>`, run by a launcher."""

    def __init__(self, folder: Path, launcher: Launcher) -> None:
        self.folder = folder
        self.launcher = launcher
        self.jobs: list[Job] = []

    def run(self, batch: Sequence[Overrides], common: Collection[str]) -> list[Job]:
        """Add a job for each of `batch` and run the unfinished ones; `common` overrides are left out of the labels."""
        first = len(self.jobs)
        added = [
            Job(first + k, self.folder / str(first + k), overrides, " ".join(o for o in overrides if o not in common))
            for k, overrides in enumerate(batch)
        ]
        self.jobs += added
        pending = [job for job in added if not ((status := read_status(job.folder)) and status.is_done)]
        if pending:
            self.launcher.launch(pending, run_job)
        return added


def run_sweep(given: Sequence[str]) -> None:
    """`aiwave train` with several runs: start a sweep, or resume one with `resume=SWEEP`.

    Finished jobs are left alone, interrupted ones continue from their checkpoints, failed ones are retried. At the end
    the tables of all finished jobs are joined, even if others failed.

    Raises:
        AiwaveError: If the arguments do not define a sweep, or if jobs failed: how many, and why the first.
        KeyboardInterrupt: On Ctrl-C, after the summary of the finished jobs.
    """
    arguments = with_recorded(given)
    overrides = parsed(arguments).values()
    cfg = configuration([str(line.input_line) for line in overrides if not line.is_sweep_override()])
    search: Search | None = instantiate(cfg.get("search"))
    jobs = [] if search else expand(arguments)
    sweep = Sweep(Path(cfg.hydra.sweep.dir), instantiate(cfg.launcher))
    sweep.launcher.check()
    record(arguments, sweep.folder)
    try:
        if search:
            search.run(sweep, parsed([*params(cfg), *arguments]))
        else:
            sweep.run(jobs, set.intersection(*map(set, jobs)) if len(jobs) > 1 else ())
    finally:
        failed = summarise(sweep.jobs, sweep.folder)
    if failed:
        job, reason = failed[0]
        raise AiwaveError(f"{len(failed)} of {len(sweep.jobs)} jobs failed, the first ({job.label}) because: {reason}")
