"""Session: exclusive work of a process on a run's folder, with its console and status recorded."""

import json
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

from pydantic import TypeAdapter

from ..errors import AiwaveError, Interrupted, complaint
from ..locks import lock
from ..writing import replacing

State = Literal["running", "finished", "failed", "interrupted", "reused"]

STATUS = "status.json"

DONE = ("finished", "reused")


@dataclass(frozen=True)
class RunStatus:
    """`state`, `reason` of a failure, `seconds` taken since start or resumption, and the reused run (`same_as`)."""

    state: State
    reason: str = ""
    seconds: float = 0.0
    same_as: str = ""

    @property
    def is_done(self) -> bool:
        """True if nothing is left to train."""
        return self.state in DONE

    def write(self, folder: Path) -> None:
        """Write the status to `folder`. Raises AiwaveError if the disk refuses."""
        with replacing(folder / STATUS) as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=2), encoding="utf-8")


_STORED = TypeAdapter(RunStatus)


def read_status(folder: Path) -> RunStatus | None:
    """The status in `folder`; None if there is no readable one."""
    try:
        return _STORED.validate_json((folder / STATUS).read_bytes(), strict=True)
    except (OSError, ValueError):
        return None


CONSOLE = "console.log"


class _Tee:
    """Writes to a stream and, line by line, to a file; a line that is redrawn is kept in its last state only."""

    def __init__(self, stream: TextIO, file: TextIO) -> None:
        self._stream = stream
        self._file = file
        self._line = ""

    def write(self, text: str) -> int:
        self._stream.write(text)
        *lines, self._line = (self._line + text).split("\n")
        with suppress(OSError):  # a full disk must not stop the output
            self._file.writelines(_last_state(line) + "\n" for line in lines)
            self._file.flush()
        self._line = _last_state(self._line) + "\r" * self._line.endswith("\r")
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _last_state(line: str) -> str:
    return line.rstrip("\r").rpartition("\r")[2]


@contextmanager
def recorded_console(folder: Path) -> Iterator[None]:
    """Append standard output and error of the block to console.log in an existing `folder`."""
    with (folder / CONSOLE).open("a", encoding="utf-8", errors="backslashreplace") as file:
        before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = _Tee(before[0], file), _Tee(before[1], file)  # type: ignore[assignment]
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before


LOCK = ".lock"


@contextmanager
def session(folder: Path) -> Iterator[None]:
    """Lock the run in an existing `folder` for the block, and record the block's outcome as its status.

    SIGTERM raises KeyboardInterrupt in the block. A process that is killed leaves the status "running" and no lock:
    the run can be resumed.

    Raises:
        AiwaveError: If another process holds the lock.
    """
    started = time.perf_counter()
    with alone(folder), sigterm_as_interrupt(), recorded_console(folder):
        RunStatus("running").write(folder)
        try:
            yield
        except BaseException as error:
            with suppress(AiwaveError):  # on a full disk the original error matters, not that it cannot be recorded
                _failed(error, time.perf_counter() - started).write(folder)
            raise
        RunStatus("finished", seconds=round(time.perf_counter() - started, 1)).write(folder)


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Raise KeyboardInterrupt in the block on SIGTERM, unless somebody handles it already."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


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
        with alone(folder):
            return False
    except (AiwaveError, OSError):
        return (folder / LOCK).is_file()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Lock an existing `folder` for the block. Raises AiwaveError if another process holds the lock."""
    with (folder / LOCK).open("a") as file:
        with suppress(OSError):  # a file system without locks
            if not lock(file.fileno()):
                raise AiwaveError(f"Another process is training in {folder}: wait for it, or end it first.")
        yield
