"""Measurement of volumes coded by anchors, in parallel processes."""

import math
import multiprocessing
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from ...errors import AiwaveError, complaint
from ...report.slices import Slice
from ...report.tables import RdRow
from .anchor import Anchor, from_unsigned, to_unsigned


@dataclass(frozen=True, eq=False)
class AnchorJob:
    """A coding job: (D, H, W) `voxels` of 8 or 16 bits; `peak` is the PSNR peak, in grey values."""

    dataset: str
    file: str
    voxels: np.ndarray
    anchor: Anchor
    quality: float
    peak: float

    @property
    def key(self) -> tuple[str, str, str, float]:
        """Key of the job: data set, file, codec, quality."""
        return self.dataset, self.file, self.anchor.name, self.quality


def measure(job: AnchorJob) -> Slice:
    """Code and decode a volume and compare the stored values with the original's: the row, and a slice to show.

    Signed voxels are shifted to unsigned before coding, and back afterwards; the times do not include that.

    Raises:
        AiwaveError: If the codec fails, or returns another shape or dtype.
    """
    voxels, shift = to_unsigned(job.voxels)
    coded = job.anchor.code(voxels, job.quality)
    if coded.voxels.shape != voxels.shape:
        shapes = ["×".join(map(str, shape)) for shape in (coded.voxels.shape, voxels.shape)]
        raise AiwaveError(f"{job.anchor.name} decoded {job.file} to {shapes[0]} voxels instead of {shapes[1]}.")
    decoded = from_unsigned(coded.voxels, shift, job.voxels.dtype)
    error = np.abs(decoded.astype(np.int32) - job.voxels)
    row = RdRow(
        *job.key,
        bpp=8 * coded.size / voxels.size,
        psnr_db=psnr(error, job.peak),
        encode_s=coded.encode_s,
        decode_s=coded.decode_s,
        max_error=int(error.max()),
    )
    middle = len(decoded) // 2
    return Slice(row, job.voxels[middle], decoded[middle])


def psnr(error: np.ndarray, peak: float) -> float:
    """10 log10(peak² / mean error²) [dB] of integer errors, summed in float64; inf if there are none.

    Same as `aiwave.report.metrics.volume_metrics.Psnr`, but without torch, so that worker processes start faster.
    """
    mean_square = float(np.square(error, dtype=np.float64).mean())
    return 10 * math.log10(peak**2 / mean_square) if mean_square else math.inf


QUEUED = 2  # jobs in flight per process: enough to keep it busy, few enough volumes in memory

Outcome = tuple[AnchorJob, Slice | AiwaveError]


def run_jobs(jobs: Iterable[AnchorJob], workers: int) -> Iterator[Outcome]:
    """Measure every job, `workers` at a time, and yield each with its result or error as it ends.

    Libraries run in other processes, so that a crash takes down only its own: the jobs in flight when a process dies
    are retried once, each alone, and fail if the process dies again.
    """
    waiting = iter(jobs)
    while (first := next(waiting, None)) is not None:
        lost: list[AnchorJob] = []
        yield from _until_crash(chain([first], waiting), workers, lost)
        for job in lost:
            dead: list[AnchorJob] = []
            yield from _until_crash(iter([job]), 1, dead)
            if dead:
                yield job, AiwaveError(f"{job.anchor.name} crashed on {job.file}.")


def _until_crash(jobs: Iterator[AnchorJob], workers: int, lost: list[AnchorJob]) -> Iterator[Outcome]:
    """Run jobs until they end or a process dies; jobs then left without an outcome go to `lost`."""
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))
    running: dict[Future[Slice], AnchorJob] = {}
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


def _submit(pool: ProcessPoolExecutor, job: AnchorJob) -> "Future[Slice]":
    try:
        return pool.submit(measure, job)
    except BrokenProcessPool as error:
        future: Future[Slice] = Future()
        future.set_exception(error)
        return future


def _outcome(job: AnchorJob, future: "Future[Slice]") -> Slice | AiwaveError:
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, AiwaveError):
        return error
    if isinstance(error, ModuleNotFoundError) and (sentence := complaint(error)):
        return AiwaveError(sentence)
    reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
    return AiwaveError(f"{job.anchor.name} failed on {job.file}: {reason.rstrip('.')}.")
