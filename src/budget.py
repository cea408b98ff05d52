"""Resource budget: the memory that a file may ask for follows from its own size, unless the user trusts it."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from .errors import AiwaveError

BASE = 1 << 30
"""Bytes of memory that every file may ask for, however small: an empty scan of half a billion 16-bit voxels."""

PER_BYTE = 1 << 12
"""Bytes of memory that every byte of a file may ask for besides: deflate expands by up to 1032, a mask by more."""

UNCOMPRESSED = "save it uncompressed"

_limited: ContextVar[bool] = ContextVar("limited", default=True)


@contextmanager
def allow_large(allowed: bool = True) -> Iterator[None]:
    """A block in which files may ask for any amount of memory, if `allowed`."""
    token = _limited.set(_limited.get() and not allowed)
    try:
        yield
    finally:
        _limited.reset(token)


CONSENT = "add --allow-large (allow_large=True in Python)"


def budget(held: int) -> float:
    """Bytes of memory that a file of `held` bytes may ask for; without limit where large ones are allowed."""
    return BASE + PER_BYTE * held if _limited.get() else math.inf


def check_budget(needed: int, held: int, name: str, otherwise: str, consent: str = CONSENT) -> None:
    """Raise AiwaveError if `name`, a file of `held` bytes, asks for `needed` bytes, which is beyond its budget.

    `consent` says how to allow that, `otherwise` what else can be done about it.
    """
    if needed > budget(held):
        size = f"{min(needed, 10**24) / 1e9:,.1f} GB"
        raise AiwaveError(
            f"{name} has only {held} bytes, but declares what takes about {size} of memory to decode: "
            f"if you trust it, {consent}, or {otherwise}."
        )


def check_image_budget(voxel_bytes: int, *files: str | os.PathLike[str]) -> None:
    """Raise AiwaveError if an image in `files`, of which the first is named, declares more voxels than is plausible."""
    if voxel_bytes > BASE:
        check_budget(voxel_bytes, sum(os.path.getsize(file) for file in files), str(files[0]), UNCOMPRESSED)
