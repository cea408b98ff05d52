"""Exclusive session of one process on a run's folder, with console and outcome recorded."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..complaints import complaint
from ..errors import AiwaveError, Interrupted
from .console import recorded_console
from .status import RunStatus

LOCK = ".lock"


@contextmanager
def session(folder: Path) -> Iterator[None]:
    """Lock the run in an existing `folder` for the block, and record the block's outcome as its status.

    A process that is killed leaves the status "running" and no lock: the run can be resumed.

    Raises:
        AiwaveError: If another process holds the lock.
    """
    started = time.perf_counter()
    with _alone(folder), recorded_console(folder):
        RunStatus("running").write(folder)
        try:
            yield
        except BaseException as error:
            with suppress(AiwaveError):  # on a full disk the original error matters, not that it cannot be recorded
                _failed(error, time.perf_counter() - started).write(folder)
            raise
        RunStatus("finished", seconds=round(time.perf_counter() - started, 1)).write(folder)


def _failed(error: BaseException, seconds: float) -> RunStatus:
    interrupted = isinstance(error, Interrupted | KeyboardInterrupt)
    return RunStatus("interrupted" if interrupted else "failed", reason_of(error), round(seconds, 1))


def reason_of(error: BaseException) -> str:
    """Reason of a failure, in one line."""
    said = str(error).splitlines() or [""]
    return complaint(error) or f"{type(error).__name__}: {said[0]}".rstrip(": ")


def is_held(folder: Path) -> bool:
    """True if a process of this machine is at work on the run in `folder`."""
    try:
        with _alone(folder):
            return False
    except (AiwaveError, OSError):
        return (folder / LOCK).is_file()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AiwaveError(f"Another process is training in {folder}: wait for it, or end it first.") from error
        except OSError:  # a file system without locks
            pass
        yield
