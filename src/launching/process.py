"""A job in its own process."""

import json
import os
import subprocess
import sys
import threading
import time
from importlib import import_module
from pathlib import Path

from .base import Job, Work

POLL_S = 0.5
CALL = "from aiwave.launching.process import main; main()"


def run_in_process(job: Job, work: Work) -> None:
    """Call `work(job)` in a new process, with its number of threads limited from the start, and wait for it."""
    order = {
        "work": [work.__module__, work.__qualname__],
        "job": [job.number, str(job.folder), list(job.overrides), job.label, job.threads],
        "parent": os.getpid(),
    }
    limits = {} if job.threads is None else {"OMP_NUM_THREADS": str(job.threads), "MKL_NUM_THREADS": str(job.threads)}
    command = [sys.executable, "-c", CALL, json.dumps(order)]
    subprocess.run(command, env=os.environ | limits, stdin=subprocess.DEVNULL, check=False)


def main() -> None:
    """Entry point of the process: run the job described by the only argument."""
    order = json.loads(sys.argv[1])
    threading.Thread(target=end_with, args=(order["parent"],), daemon=True).start()
    module, name = order["work"]
    number, folder, overrides, label, threads = order["job"]
    try:
        getattr(import_module(module), name)(Job(number, Path(folder), tuple(overrides), label, threads))
    except KeyboardInterrupt:
        sys.exit(130)


def end_with(parent: int) -> None:
    """End this process when `parent` has ended: nobody waits for it, and a resumed sweep takes over its job."""
    while os.getppid() == parent:
        time.sleep(POLL_S)
    os._exit(1)
