"""Check of free disk space before it is needed."""

import shutil
from pathlib import Path

from ..errors import AiwaveError


def check_free_space(folder: Path, needed: int, purpose: str) -> None:
    """Raise AiwaveError if the disk of `folder`, which exists, has fewer than `needed` bytes free for `purpose`."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise AiwaveError(
            f"The disk of {folder} has {_amount(free)} free, but {_amount(needed)} is needed to {purpose}: "
            f"make room or choose another root."
        )


def _amount(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e8 else f"{size / 1e6:.2f} MB"
