"""Execution of a sweep: its unfinished jobs are run, and their outcomes reported."""

import sys
import time
import traceback
from collections.abc import Collection, Sequence
from pathlib import Path

from ..config.building import build
from ..config.composing import composed
from ..config.training_schema import LauncherNode, SearchNode
from ..config.trust import trusted, trusting
from ..errors import AiwaveError, Interrupted, complaint
from ..runs.run_folder import RunFolder
from ..runs.run_identity import AlreadyTrainedError
from ..runs.session import RunStatus, read_status, reason_of
from .expand import Overrides, configuration, expand, params, parsed, schema
from .launchers.launcher import Launcher, SweepJob
from .search import Search
from .summary import summarise
from .sweep_arguments import record, with_recorded


def run_job(job: SweepJob) -> None:
    """Train a job, or resume it; its outcome is the status in its folder.

    If the same run was trained before, in another folder, the status only points there.

    Raises:
        KeyboardInterrupt: On Ctrl-C, which also stops the jobs after it.
    """
    started = time.perf_counter()
    try:
        with trusting(job.trust):
            _train(job)
    except AlreadyTrainedError as error:
        RunStatus("reused", same_as=str(error.path.resolve())).write(job.folder)
    except (Interrupted, KeyboardInterrupt) as error:
        RunStatus("interrupted", reason_of(error), _since(started)).write(job.folder)
        raise KeyboardInterrupt from error
    except Exception as error:
        if complaint(error) is None:
            traceback.print_exc()
        print(f"job {job.number} failed: {reason_of(error)}", file=sys.stderr)
        RunStatus("failed", reason_of(error), _since(started)).write(job.folder)


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 1)


def _train(job: SweepJob) -> None:
    import torch

    from ..training.run import train

    if job.threads is not None:
        torch.set_num_threads(job.threads)
    print(f"\njob {job.number}: {job.label}", flush=True)
    overrides = list(job.overrides)
    cfg = composed("train", overrides, schema)
    if RunFolder(job.folder).config_path.is_file():
        cfg.resume, overrides = str(job.folder), []
    train(cfg, job.folder, overrides)


class Sweep:
    """Jobs in the folders `<folder>/<number>`, run by a launcher."""

    def __init__(self, folder: Path, launcher: Launcher) -> None:
        self.folder = folder
        self.launcher = launcher
        self.jobs: list[SweepJob] = []

    def run(self, batch: Sequence[Overrides], common: Collection[str]) -> list[SweepJob]:
        """Add a job for each of `batch` and run the unfinished ones; `common` overrides are left out of the labels."""
        first = len(self.jobs)
        added = [
            SweepJob(first + k, self.folder / str(first + k), overrides, label, trust=trusted())
            for k, overrides in enumerate(batch)
            for label in [" ".join(given for given in overrides if given not in common)]
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
    search: Search | None = build(cfg.get("search"), SearchNode, "search")
    jobs = [] if search else expand(arguments)
    varied = parsed([*params(cfg), *arguments]) if search else {}
    if search:
        search.space(varied)
    sweep = Sweep(Path(cfg.hydra.sweep.dir), build(cfg.launcher, LauncherNode, "launcher"))
    sweep.launcher.check()
    record(arguments, sweep.folder)
    stopped = True
    try:
        if search:
            search.run(sweep, varied)
        else:
            sweep.run(jobs, set.intersection(*map(set, jobs)) if len(jobs) > 1 else ())
        stopped = False
    finally:
        failed = summarise(sweep.jobs, sweep.folder, stopped)
    if failed:
        job, reason = failed[0]
        raise AiwaveError(f"{len(failed)} of {len(sweep.jobs)} jobs failed, the first ({job.label}) because: {reason}")
