"""Servers of dashboards on this machine: started, waited for, and ended."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from tempfile import TemporaryFile

from ..child_processes import OWN_GROUP, end_group
from ..errors import AiwaveError

HOST = "127.0.0.1"
"""Nobody else reaches these servers, which ask for no password."""

PATIENCE_S, POLL_S = 120.0, 0.2


@contextmanager
def local_server(
    name: str, command: Sequence[str], port: int, environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Run `command`, which serves HTTP on `port` of this machine, while the block runs; yields its address.

    Raises:
        AiwaveError: If it ends before it answers, or does not answer in two minutes; quotes its last line.
    """
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env={**os.environ, **(environment or {})},
            **OWN_GROUP,
        )
        try:
            until = time.monotonic() + PATIENCE_S
            while not _answers(port):
                if process.poll() is not None or time.monotonic() > until:
                    said.seek(0)
                    last = next((line.strip() for line in reversed(said.readlines()) if line.strip()), "no output")
                    raise AiwaveError(f"{name} did not start on port {port}: {last}")
                time.sleep(POLL_S)
            yield f"http://{HOST}:{port}/"
        finally:
            end_group(process)


def free_port(wished: int) -> int:
    """The port `wished` of this machine if nobody listens on it, else another free one."""
    for port in (wished, 0):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise AiwaveError("This machine has no free port.")


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1.0):
            return True
    except OSError:
        return False
