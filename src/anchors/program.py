"""Execution of external programs, and reports of what went wrong with them."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ..errors import AiwaveError

PROBE_S = 20  # time to print a version
LOG = "program.log"


def find_program(names: Sequence[str], folder: str | None, variable: str) -> Path:
    """The first of `names` found in `folder`, else in the folder named by the environment variable, else on PATH.

    Raises:
        AiwaveError: If there is none; says where it was searched for and how to set the folder.
    """
    given = folder or os.environ.get(variable)
    place = Path(given).expanduser().resolve() if given else None
    for name in names:
        found = shutil.which(name, path=str(place)) if place else shutil.which(name)
        if found:
            return Path(found)
    where = str(place) if place else "PATH"
    raise AiwaveError(f"{names[0]} is not in {where}: set {variable} to the folder that holds it.")


def run_program(command: Sequence[str], folder: Path, timeout: float) -> float:
    """Run `command` in `folder` and return its duration in seconds.

    Raises:
        AiwaveError: If it cannot be started, takes longer than `timeout` seconds or fails; quotes its last line.
    """
    started = time.perf_counter()
    status, output = _run(command, folder, timeout)
    name = Path(command[0]).name
    if status != 0:
        raise AiwaveError(f"{name} ended with status {status}: {last_line(output)}")
    return time.perf_counter() - started


def written(path: Path, command: Sequence[str]) -> int:
    """The size of the file that `command` should have written. Raises AiwaveError if it is missing or empty."""
    size = path.stat().st_size if path.is_file() else 0
    if size == 0:
        raise AiwaveError(f"{Path(command[0]).name} wrote no {path.name}: {_log(path.parent)}")
    return size


@cache
def printed(command: tuple[str, ...]) -> str:
    """The output of a program, whatever its exit status; empty if it cannot be run or hangs."""
    try:
        return _run(command, Path.cwd(), PROBE_S, log=False)[1]
    except AiwaveError:
        return ""


def version_of(command: Sequence[str], pattern: str) -> str:
    """The first group of `pattern` in the output of `command`; empty if there is no match."""
    found = re.search(pattern, printed(tuple(command)))
    return found[1] if found else ""


def last_line(output: str) -> str:
    """The last non-empty line, without control characters."""
    lines = [line.strip() for line in re.sub(r"[^\x20-\x7e\n]", " ", output).splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it printed nothing."


def _run(command: Sequence[str], folder: Path, timeout: float, log: bool = True) -> tuple[int, str]:
    name = Path(command[0]).name
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise AiwaveError(f"{command[0]} cannot be run: {error.strerror}.") from error
    try:
        output = process.communicate(timeout=timeout)[0].decode(errors="replace")
    except subprocess.TimeoutExpired as error:
        said = (error.output or b"").decode(errors="replace")
        raise AiwaveError(f"{name} was stopped after {timeout:g} s: {last_line(said)}") from error
    finally:
        _stop(process)
    if log:
        (folder / LOG).write_text(output)
    return process.returncode, output


def _log(folder: Path) -> str:
    log = folder / LOG
    return last_line(log.read_text() if log.is_file() else "")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Kill a program that is still running, with its child processes."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
