"""Process pool for coding jobs that survives crashes."""

import multiprocessing
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice

from ..errors import AiwaveError
from ..report.slices import Slice
from .measure import Job, measure

QUEUED = 2  # jobs in flight per process: enough to keep it busy, few enough volumes in memory

Outcome = tuple[Job, Slice | AiwaveError]


def run_jobs(jobs: Iterable[Job], workers: int) -> Iterator[Outcome]:
    """Measure every job, `workers` at a time, and yield each with its result or error as it ends.

    Libraries run in other processes, so that a crash takes down only its own: the jobs in flight when a process dies
    are retried once, each alone, and fail if the process dies again.
    """
    waiting = iter(jobs)
    while (first := next(waiting, None)) is not None:
        lost: list[Job] = []
        yield from _until_crash(chain([first], waiting), workers, lost)
        for job in lost:
            dead: list[Job] = []
            yield from _until_crash(iter([job]), 1, dead)
            if dead:
                yield job, AiwaveError(f"{job.anchor.name} crashed on {job.file}.")


def _until_crash(jobs: Iterator[Job], workers: int, lost: list[Job]) -> Iterator[Outcome]:
    """Run jobs until they end or a process dies; jobs then left without an outcome go to `lost`."""
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))
    running: dict[Future[Slice], Job] = {}
    try:
        while not lost:
            for job in islice(jobs, QUEUED * workers - len(running)):
                running[_submit(pool, job)] = job
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job = running.pop(future)
                if isinstance(future.exception(), BrokenProcessPool):
                    lost.append(job)
                else:
                    yield job, _outcome(job, future)
        lost.extend(running.values())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _submit(pool: ProcessPoolExecutor, job: Job) -> "Future[Slice]":
    try:
        return pool.submit(measure, job)
    except BrokenProcessPool as error:
        future: Future[Slice] = Future()
        future.set_exception(error)
        return future


def _outcome(job: Job, future: "Future[Slice]") -> Slice | AiwaveError:
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, AiwaveError):
        return error
    reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
    return AiwaveError(f"{job.anchor.name} failed on {job.file}: {reason.rstrip('.')}.")
