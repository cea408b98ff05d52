"""The core that codes: compiled, or the PyTorch reference."""

import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from ..errors import AiwaveError
from ..system import cores

NAME = "AIWAVE_CORE"

CORES = ("native", "reference")

SIMD = "AIWAVE_SIMD"

TO_COMPILE = "install g++ or clang++ and Python's headers (on Debian: python3-dev), then aiwave again"

MISSING = f"is missing: {TO_COMPILE}"

SLOWER = "The compiled core {}. The PyTorch reference codes, on one processor and four to twenty times slower."

NEITHER = "The compiled core {}. PyTorch, which can code in its place, is missing, too: pip install 'aiwave[train]'."


def compiled_core() -> ModuleType | None:
    """The compiled core, None to use the reference.

    AIWAVE_CORE is `native` or `reference`; by default the compiled core is used if it is there, and standard error says
    once if it is not. AIWAVE_SIMD chooses an instruction set, as in `avx2`. Raises AiwaveError for other values, for a
    compiled core that is asked for but not there, and if neither core is there.
    """
    core, simd = os.environ.get(NAME, ""), os.environ.get(SIMD, "")
    module = _core(core)
    if module is not None:
        _use(module, simd)
    return module


def _use(module: ModuleType, simd: str) -> None:
    """Choose an instruction set, the fastest for an empty name. Raises AiwaveError if it is not there."""
    if _in_use == [simd]:
        return
    try:
        module.use_simd(simd or module.simd_levels()[-1])
    except ValueError as error:
        raise AiwaveError(f"{SIMD}={simd} cannot be used: {error}.") from error
    _in_use[:] = [simd]


_in_use: list[str] = []
"""The value of AIWAVE_SIMD that the compiled core was last told of."""


@cache
def _core(core: str) -> ModuleType | None:
    if core not in ("", *CORES):
        raise AiwaveError(f"{NAME}={core} is unknown: it is {' or '.join(CORES)}.")
    if core == "reference":
        return None
    try:
        return _loaded()
    except ImportError as error:
        reason = MISSING if error.path is None else f"cannot be loaded ({error}): install aiwave again"
        if core:
            raise AiwaveError(f"{NAME}=native, but the compiled core {reason}.") from error
        if find_spec("torch") is None:
            raise AiwaveError(NEITHER.format(reason)) from error
        sys.stderr.write(f"aiwave: {SLOWER.format(reason)}\n")
        return None


def _loaded() -> ModuleType:
    """The compiled core. Raises ImportError, with a path if there is a library that cannot be loaded."""
    spec = find_spec("aiwave._native")
    if spec is None or not spec.origin:
        raise ImportError("there is no library")
    try:
        if is_cut_short(Path(spec.origin)):
            raise ImportError(f"{spec.origin} is damaged")
        return import_module("aiwave._native")
    except ImportError as error:
        raise ImportError(str(error), path=spec.origin) from error


SECTIONS = struct.Struct("<Q10x2H")
"""Place of an ELF file's table of sections, which is its end, and size and number of entries; from byte 40 on."""


def is_cut_short(library: Path) -> bool:
    """True for an ELF library without its end, or with zeros there: the system's loader crashes with it."""
    with library.open("rb") as file:
        head = file.read(64)
        if len(head) < 64 or not head.startswith(b"\x7fELF\x02\x01"):
            return len(head) < 64
        at, size, count = SECTIONS.unpack_from(head, 40)
        file.seek(at)
        end = file.read(size * count)
    return len(end) < size * count or not any(end)


_limit: ContextVar[int | None] = ContextVar("threads", default=None)


@contextmanager
def at_most_threads(count: int) -> Iterator[None]:
    """Limit `thread_count` in this context, as where a caller has threads of its own."""
    before = _limit.set(count)
    try:
        yield
    finally:
        _limit.reset(before)


def thread_count() -> int:
    """Threads that may compute at once: PyTorch's number if it is loaded, else OMP_NUM_THREADS or all processors."""
    if (limit := _limit.get()) is not None:
        return limit
    if (torch := sys.modules.get("torch")) is not None:
        return int(torch.get_num_threads())
    wanted = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted)
    return cores()
