"""Data-parallel training in several processes, each with its share of every batch (Lightning's DDP).

The first is the command itself. It starts the others on its machine, unless torchrun or Slurm have started them all.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from omegaconf import DictConfig, OmegaConf

from ..child_processes import OWN_GROUP, end_with
from ..config.trust import trusted, trusting
from ..errors import AiwaveError, Interrupted

CALL = "from aiwave.training.processes import main; main()"
HOME = "127.0.0.1"
DYING_S = 5.0  # time for a process that broke the connection to end

Others = list[tuple["subprocess.Popen[str]", IO[str]]]


def count(cfg: DictConfig) -> int:
    """Number of processes of a run."""
    return int(cfg.trainer.devices * cfg.trainer.num_nodes)


def started_together() -> bool:
    """True if torchrun or Slurm started this process as one of several."""
    slurm = int(os.environ.get("SLURM_NTASKS", 1)) > 1 and "SLURM_PROCID" in os.environ
    return "TORCHELASTIC_RUN_ID" in os.environ or slurm


def is_follower() -> bool:
    """True if torchrun or Slurm started this process and it is not the first."""
    return started_together() and int(os.environ.get("RANK", os.environ.get("SLURM_PROCID", 0))) > 0


def check_processes(cfg: DictConfig, overrides: Sequence[str]) -> None:
    """Raise AiwaveError if the batch cannot be divided, or processes on several machines would not find each other."""
    if count(cfg) == 1:
        return
    crops = cfg.dataset.batch_size // cfg.cache.crops_per_read
    if crops % count(cfg):
        raise AiwaveError(
            f"A batch of {cfg.dataset.batch_size} cannot be divided over {count(cfg)} processes: make "
            "dataset.batch_size a multiple (of it and cache.crops_per_read)."
        )
    if started_together() and not any(given.startswith(("run_dir=", "resume=")) for given in overrides):
        raise AiwaveError("Processes started by torchrun or Slurm need a common folder: give run_dir=FOLDER.")
    if cfg.trainer.num_nodes > 1 and not started_together():
        raise AiwaveError("trainer.num_nodes is for processes that torchrun or Slurm start on several machines.")


@contextmanager
def all_processes(cfg: DictConfig, folder: Path) -> Iterator[None]:
    """Start the other processes of the run in `folder`; like the block in this one, they run `run_schedule`.

    Raises:
        AiwaveError: If one of them fails.
    """
    import torch

    if count(cfg) == 1:
        yield
        return
    before, threads = dict(os.environ), torch.get_num_threads()
    others: Others = []
    try:
        if not started_together():
            share = max(1, threads // cfg.trainer.devices)
            os.environ.update(LOCAL_RANK="0", MASTER_ADDR=HOME, MASTER_PORT=str(_free_port()))
            torch.set_num_threads(share)
            for rank in range(1, cfg.trainer.devices):
                others.append(_start(cfg, folder, rank, share))
        yield
    except Interrupted:
        raise
    except Exception as error:
        if blamed := _blame(others):
            raise blamed from error
        raise
    finally:
        _end(others)
        os.environ.clear()
        os.environ.update(before)
        torch.set_num_threads(threads)


def main() -> None:
    """Entry point of the other processes, whose order comes on standard input."""
    order = json.load(sys.stdin)
    threading.Thread(target=end_with, args=(order["parent"],), daemon=True).start()
    try:
        with trusting(order["trust"]):
            take_part(OmegaConf.create(order["cfg"]), Path(order["folder"]))
    except AiwaveError as error:
        sys.exit(str(error))


def take_part(cfg: DictConfig, folder: Path) -> None:
    """Take part in the run in `folder`, whose first process writes all files. Raises AiwaveError as that one does."""
    from ..runs.run_folder import RunFolder
    from ..system import quieten
    from ..tracking.tracker import ManyTrackers
    from .schedule import read_data, run_schedule

    quieten()
    run_schedule(cfg, RunFolder(folder), read_data(cfg), ManyTrackers([]))


def _start(cfg: DictConfig, folder: Path, rank: int, threads: int) -> tuple["subprocess.Popen[str]", IO[str]]:
    order: dict[str, Any] = {"cfg": OmegaConf.to_container(cfg), "folder": str(folder), "parent": os.getpid()}
    order["trust"] = trusted()
    said = TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115  (closed by _end)
    process = subprocess.Popen(
        [sys.executable, "-c", CALL],
        env=os.environ | {"LOCAL_RANK": str(rank), "OMP_NUM_THREADS": str(threads)},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=said,
        encoding="utf-8",
        **OWN_GROUP,
    )
    with process.stdin as pipe:  # type: ignore[union-attr]
        pipe.write(json.dumps(order))
    return process, said


def _blame(others: Others) -> AiwaveError | None:
    """The first other process that failed, with the last line it printed; None if none failed."""
    until = time.monotonic() + DYING_S
    while others and time.monotonic() < until and all(process.poll() is None for process, _ in others):
        time.sleep(0.1)
    for rank, (process, said) in enumerate(others, 1):
        if process.poll():
            said.seek(0)
            words = said.read().strip().splitlines() or [f"it ended with status {process.returncode}"]
            return AiwaveError(f"Process {rank} of the training failed: {words[-1].rstrip('.')}.")
    return None


def _end(others: Others) -> None:
    import torch.distributed as group

    for process, said in others:
        process.kill()
        process.wait()
        said.close()
    if group.is_available() and group.is_initialized():
        group.destroy_process_group()


def _free_port() -> int:
    with socket.socket() as place:
        place.bind((HOME, 0))
        return int(place.getsockname()[1])
