"""Processes that this one starts: in a group of their own, and ended together with it."""

import os
import signal
import subprocess
import sys
import time
from typing import Any

POLL_S = 0.5

SYNCHRONIZE = 0x00100000  # the right to wait for a process of Windows


def end_with(parent: int) -> None:
    """End this process once `parent` has ended, since nobody waits for it and a resumed sweep takes over its job."""
    if sys.platform == "win32":  # where the parent's number stays the same when it ends
        import _winapi

        _winapi.WaitForSingleObject(_winapi.OpenProcess(SYNCHRONIZE, False, parent), _winapi.INFINITE)
    while os.getppid() == parent:
        time.sleep(POLL_S)
    os._exit(1)


OWN_GROUP: dict[str, Any] = {"start_new_session": True}
"""Arguments of `subprocess.Popen` for a process that Ctrl-C does not reach: this one ends it."""

if sys.platform == "win32":
    OWN_GROUP = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}


def end_group(process: "subprocess.Popen[Any]") -> None:
    """Kill a process that was started with `OWN_GROUP`, and all that it has started, if it still runs."""
    if process.poll() is None:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:  # Windows
            command = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
            subprocess.run(command, capture_output=True, check=False)
        process.wait()
