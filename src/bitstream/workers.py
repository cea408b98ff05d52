"""Parallel work on batches, in threads.

The compiled core releases the interpreter's lock, so threads of one process keep all processors busy. The reference
holds it most of the time: it works alone.
"""

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import nullcontext, suppress
from functools import partial
from itertools import islice
from typing import TypeVar

from ..coding.core import compiled_core, thread_count
from ..system import one_thread

Task = TypeVar("Task")

Result = TypeVar("Result")

MOST = 16
"""Limit of threads: each holds a batch and its coefficients in memory."""

BATCH = 1 << 18
"""Voxels per batch with the compiled core: a tile of 64^3."""

REFERENCE_BATCH = 1 << 21
"""Voxels per batch with the reference, which decodes tiles side by side."""


def batch_voxels() -> int:
    """Voxels to code in one batch."""
    return REFERENCE_BATCH if compiled_core() is None else BATCH


def helpers_for(batches: int) -> int:
    """Number of helping threads for `batches` batches: one less than `thread_count`."""
    if compiled_core() is None:
        return 0
    return max(0, min(thread_count(), MOST, batches) - 1)


def outcomes(
    work: Callable[[Task], Result], tasks: Iterable[Task], helpers: int
) -> Generator[tuple[Task, Result], None, None]:
    """Yield every task with its result, in order of completion, by `helpers` + 1 threads.

    Tasks are taken from the iterable only shortly before they are worked on. Closing the generator, or any error, ends
    the work: use `contextlib.closing`. Raises whatever `work` raises.
    """
    if helpers:
        yield from _shared(work, iter(tasks), helpers + 1)
        return
    with one_thread() if compiled_core() is None else nullcontext():
        yield from ((task, work(task)) for task in tasks)


def _shared(work: Callable[[Task], Result], tasks: Iterable[Task], threads: int) -> Generator[tuple[Task, Result]]:
    core = compiled_core()
    assert core is not None
    stop = core.Stop()
    given = dict[Future[Result], Task]()
    pool = ThreadPoolExecutor(threads, "aiwave", partial(core.obey, stop))
    try:
        while True:
            for task in islice(tasks, threads + 1 - len(given)):
                given[_submitted(pool, work, task)] = task
            if not given:
                return
            for future in wait(given, return_when=FIRST_COMPLETED).done:
                yield given.pop(future), future.result()
    finally:
        if given:
            stop.set()
        with suppress(KeyboardInterrupt):  # the first one is being handled, and all ends in a moment
            pool.shutdown(cancel_futures=True)


def _submitted(pool: ThreadPoolExecutor, work: Callable[[Task], Result], task: Task) -> Future[Result]:
    try:
        return pool.submit(work, task)
    except RuntimeError as error:  # the system refuses another thread
        raise MemoryError(str(error)) from error
