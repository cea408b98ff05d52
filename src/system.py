"""This machine and its libraries: cores, threads, devices, memory, disk space, paths and log levels."""

import ctypes
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import AiwaveError

if TYPE_CHECKING:
    import torch


def quieten() -> None:
    """Silence notices of Lightning and other libraries that the user cannot act on."""
    for name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch", "torch.utils.flop_counter"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("monai.data.nvimgcodec_pydicom_plugin").setLevel(logging.ERROR)  # a decoder that nobody asked for
    for message in (
        ".*does not have many workers.*",
        "NvImgCodecPydicomReader: nvImageCodec decoder plugin did not register.*",
        ".*Checkpoint directory .* exists.*",
        ".*isinstance.treespec, LeafSpec.*",
        ".*dataloader is not resumable.*",
        ".*number of training batches .* is smaller than the logging interval.*",
        ".*module.s. in eval mode at the start of training.*",
        ".*Detected call of `lr_scheduler.step.*",
        ".*It is recommended to use `self.log.*sync_dist=True.*",  # all processes validate on the same crops
        "Grad strides do not match bucket view strides.*",
    ):
        warnings.filterwarnings("ignore", message)


@contextmanager
def one_thread() -> Iterator[None]:
    """Restrict PyTorch to one thread within the block."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_free_space(folder: Path, needed: int, purpose: str) -> None:
    """Raise AiwaveError if the disk of the existing `folder` has fewer than `needed` bytes free for `purpose`."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise AiwaveError(
            f"The disk of {folder} has {_amount(free)} free, but {_amount(needed)} is needed to {purpose}: "
            f"make room or choose another root."
        )


def _amount(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e8 else f"{size / 1e6:.2f} MB"


def torch_device(accelerator: str, instead: str = "accelerator=cpu") -> "torch.device":
    """The device for `cpu`, `gpu` or `auto` (a GPU if there is one); `instead` is the option for a machine without.

    Raises:
        AiwaveError: If `gpu` is requested and there is none.
    """
    import torch

    available = torch.accelerator.is_available()
    if accelerator == "gpu" and not available:
        raise AiwaveError(f"This machine has no GPU that PyTorch can use: give {instead}.")
    current = torch.accelerator.current_accelerator() if available and accelerator != "cpu" else None
    return current or torch.device("cpu")


def user_path(text: str) -> Path:
    """The path that a user means: ~ and ~NAME begin a home folder, if there is such a user."""
    return Path(os.path.expanduser(text))


M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h

KEPT_BYTES, MAPPED_BYTES = 128 << 20, 32 << 20


def keep_memory() -> None:
    """Have glibc keep what large arrays leave for the next ones, rather than get cleared pages for each.

    Dask's nanny starts workers with the opposite, `MALLOC_TRIM_THRESHOLD_`. Elsewhere this does nothing.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES)


def peak_memory() -> int:
    """Largest memory of this process so far [bytes]."""
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
