"""Work done in this process, by processes of this machine, or by the workers of a cluster: with Dask."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from ..errors import AiwaveError, printable

TRIES = 3
"""Attempts at a piece of work before it is reported and given up."""

PATIENCE = "10s"
"""Time within which a scheduler must answer."""

AHEAD = 3
"""Pieces of work per worker that are handed out at a time."""

SETTINGS = {
    "distributed.scheduler.allowed-failures": TRIES,
    "distributed.scheduler.worker-ttl": None,  # a machine may sleep; that workers died is seen by their nannies
    "distributed.scheduler.no-workers-timeout": "10 minutes",  # if those cannot start any
    "distributed.worker.memory.terminate": False,
    "distributed.worker.profile.enabled": False,  # which looks at what workers do a hundred times a second
    "distributed.admin.tick.interval": "500ms",  # at 20 ms, an idle worker takes 2 % of a processor
    "distributed.comm.retry.count": 3,
}
"""Settings of Dask for a cluster of our own."""


class Piece(Protocol):
    """A piece of work, which can be sent to another process; it returns the peak memory of its process [bytes]."""

    @property
    def voxels(self) -> int:
        """Voxels that are done with it."""

    @property
    def words(self) -> str:
        """The piece, for people."""

    def __call__(self) -> int:
        """Do it. Raises AiwaveError if it cannot be done."""


Run = Callable[[Iterable[Piece]], Iterator[tuple[Piece, int]]]
"""Does pieces of work, and yields each as it is done, with the peak memory of the process that did it [bytes]."""


@contextmanager
def runner(workers: int, scheduler: str | None) -> Iterator[Run]:
    """Executor of pieces of work: this process if there is one worker, else Dask with as many, or at a scheduler.

    Raises AiwaveError if the scheduler cannot be reached, and for pieces that failed `TRIES` times.
    """
    if scheduler is None and workers == 1:
        yield _here
        return
    with _client(workers, scheduler) as client:
        yield lambda pieces: _there(client, pieces)


def _here(pieces: Iterable[Piece]) -> Iterator[tuple[Piece, int]]:
    for piece in pieces:
        for left in reversed(range(TRIES)):
            try:
                yield piece, piece()
                break
            except AiwaveError:
                if not left:
                    raise


def _there(client: Any, pieces: Iterable[Piece]) -> Iterator[tuple[Piece, int]]:
    from distributed import as_completed

    waiting, running = iter(pieces), dict[Any, Piece]()
    done = as_completed(loop=client.loop)

    def hand_out() -> None:
        piece = next(waiting, None)
        if piece is not None:
            future = client.submit(piece, retries=TRIES - 1, pure=False)
            running[future] = piece
            done.add(future)

    try:
        for _ in range(AHEAD * max(1, sum(client.nthreads().values()))):
            hand_out()
        for future in done:
            piece = running.pop(future)
            yield piece, _result(future, piece)
            hand_out()
    finally:
        client.cancel(list(running), force=True)


def _result(future: Any, piece: Piece) -> int:
    from distributed import CancelledError, KilledWorker
    from distributed.scheduler import NoWorkerError

    try:
        found: int = future.result()
        return found
    except KilledWorker as error:
        raise AiwaveError(
            f"{piece.words} could not be done: workers died of it, so look whether they have enough memory."
        ) from error
    except NoWorkerError as error:
        raise AiwaveError(
            f"{piece.words} was not done, since no workers are left: the same command goes on from there."
        ) from error
    except (CancelledError, TimeoutError, OSError) as error:
        raise AiwaveError(
            f"{piece.words} was not done, since the scheduler is gone ({printable(str(error), 99)}): "
            "the same command goes on from there."
        ) from error


@contextmanager
def _client(workers: int, scheduler: str | None) -> Iterator[Any]:
    """A client of a scheduler, or of one of our own with its workers, one thread in each."""
    import logging

    import dask
    from distributed import Client, LocalCluster

    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=PATIENCE, set_as_default=False)
        except (OSError, ValueError) as error:
            raise AiwaveError(
                f"No scheduler of Dask can be reached at {scheduler}: start one with dask scheduler, and give its "
                "address as HOST:PORT."
            ) from error
        with client:
            if not client.nthreads():
                raise AiwaveError(f"The scheduler at {scheduler} has no workers: start some with dask worker.")
            yield client
        return
    with (
        dask.config.set(SETTINGS),
        tempfile.TemporaryDirectory(prefix="aiwave-") as scratch,
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            memory_limit=0,
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},  # any port that is free
            silence_logs=logging.CRITICAL,
            local_directory=scratch,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client
