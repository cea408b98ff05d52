"""Parallel work on batches, in processes of one thread each.

Threads of one process do not pay off: PyTorch's operations are small here, and the Python between them runs in one
thread at a time. The processes are those of loky, part of joblib, since they do not rerun the caller's script.
"""

import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import current_process, resource_tracker
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, TypeVar

import torch

from ..errors import AiwaveError
from ..system import one_thread

Task = TypeVar("Task")

Result = TypeVar("Result")

MOST = 8
"""Limit of processes: each takes half a gigabyte of memory."""

AHEAD = 2
"""Batches per helper: one at work, one waiting."""

POLL_S = 0.5

ENDED = (
    "A process that codes tiles has ended unexpectedly, perhaps for lack of memory: "
    "set OMP_NUM_THREADS=1 to work in a single process."
)

_work: Callable[[Any], Any] | None = None


def outcomes(
    work: Callable[[Task], Result], tasks: Iterable[Task], helpers: int
) -> Generator[tuple[Task, Result], None, None]:
    """Yield every task with its result, in order of completion; this process works on tasks as well as its helpers.

    With helpers everything must be picklable. Tasks are taken from the iterable only shortly before they are worked on.
    Closing the generator, or any error, also ends the helpers: use `contextlib.closing`. Raises whatever `work` raises,
    and AiwaveError if a helper is killed.
    """
    if not helpers:
        yield from ((task, work(task)) for task in tasks)
        return
    waiting, given = iter(tasks), dict[Any, Task]()
    with one_thread(), _pool(work, helpers) as pool:
        try:
            while True:
                unfinished = sum(not future.done() for future in given)
                for task in islice(waiting, AHEAD * helpers - unfinished):
                    with _interrupts_held_back():
                        given[pool.submit(_work_on, task)] = task
                own = list(islice(waiting, 1))
                for task in own:
                    yield task, work(task)
                for future in [future for future in given if future.done() or not own]:
                    yield given.pop(future), future.result()
                if not own:
                    return
        except BrokenProcessPool as error:
            raise AiwaveError(ENDED) from error


def helpers_for(batches: int) -> int:
    """Number of helper processes for `batches` batches: none if PyTorch is limited to one thread."""
    if current_process().daemon:  # daemons may not have children
        return 0
    return max(0, min(torch.get_num_threads(), MOST, batches) - 1)


@contextmanager
def _pool(work: Callable[[Any], Any], helpers: int) -> Iterator[Any]:
    """Pool of processes that have received `work`; they are killed at the end of the block."""
    from joblib.externals.loky import ProcessPoolExecutor

    single = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with NamedTemporaryFile() as file:  # loky waits forever for a process that ends while a large object is sent to it
        pickle.dump(work, file)
        file.flush()
        pool = ProcessPoolExecutor(helpers, initializer=_begin, initargs=(file.name, os.getpid()), env=single)
        try:
            yield pool
        finally:
            pool.shutdown(kill_workers=True)


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Delay Ctrl-C until after the block, and keep it from processes started there, which their parent ends."""
    resource_tracker.ensure_running()  # starting it within would let the signal through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(file: str, parent: int) -> None:
    """Initialise a helper with the work pickled in `file`."""
    global _work
    _work = pickle.loads(Path(file).read_bytes())
    torch.set_num_threads(1)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_S)
    os._exit(1)


def _work_on(task: Any) -> Any:
    assert _work is not None
    return _work(task)
