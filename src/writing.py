"""Output: files and folders that appear complete or not at all, and standard output."""

import errno
import os
import re
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from .errors import AiwaveError
from .locks import lock

IS_WINDOWS = os.name == "nt"

NO_LINKS: int = getattr(os, "O_NOFOLLOW", 0)  # Windows has none

TEMPORARY = re.compile(r"\.aiwave-[0-9a-f]{16}\.tmp")
"""Names of what is being written: unpredictable, so that nobody can plant a link there."""


@contextmanager
def replacing(path: Path, force: bool = True, through_links: bool = False) -> Iterator[Path]:
    """Yield a new, empty temporary file in the folder of `path`, which is created if missing; on success it replaces
    `path`, complete and on the disk.

    If the block raises, the temporary file is removed and `path` is left untouched. Without `force`, `path` must not
    exist, even if it appears while the block runs. With `through_links`, a link at `path` stays and its target is
    replaced. What killed processes left in the folder is removed.

    Raises:
        AiwaveError: If the operating system refuses to write there, or the file exists or comes out empty.
    """
    goal = path.resolve() if through_links and force and path.is_symlink() else path
    with _refusals(path), _temporary(goal) as (temporary, held):
        if goal.exists() and not goal.is_file():
            raise AiwaveError(f"{path} is {'a folder' if goal.is_dir() else 'no file'}: give the name of a file.")
        yield temporary
        os.fsync(held.descriptor)
        if not os.path.samestat(os.fstat(held.descriptor), temporary.lstat()) or not temporary.lstat().st_size:
            raise AiwaveError(f"Cannot write {path}: not all of it arrived, so check the disk.")
        if force:
            _keep_mode(held.descriptor, goal)
        if IS_WINDOWS:
            held.close()  # an open file cannot be renamed there
        if force:
            os.replace(temporary, goal)
        else:
            _move_to_free_name(temporary, goal)
        sync_folder(goal.parent)


@contextmanager
def filling(folder: Path) -> Iterator[Path]:
    """Yield a new temporary folder beside `folder`, which it becomes on success; as `replacing` without `force`.

    `folder` may exist if it is empty.
    """
    with _refusals(folder), _temporary(folder, is_folder=True) as (temporary, _):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise AiwaveError(f"{folder} exists and is not empty: give the name of a new folder.")
        yield temporary
        for file in (path for path in temporary.rglob("*") if path.is_file()):
            with file.open("r+b" if IS_WINDOWS else "rb") as written:
                os.fsync(written.fileno())
        sync_folder(temporary)
        if IS_WINDOWS and folder.exists():
            folder.rmdir()  # elsewhere renaming replaces an empty folder
        os.rename(temporary, folder)  # fails if the folder has been filled meanwhile
        sync_folder(folder.parent)


class StandardOutput:
    """Standard output as a binary file that can only be written to.

    Raises AiwaveError if that is refused, and BrokenPipeError if nobody reads it.
    """

    def write(self, data: bytes | memoryview) -> int:
        """Write all of `data` and flush; see above for errors."""
        if sys.stdout is None:
            raise AiwaveError("Standard output is closed: give the name of a file.")
        rest = memoryview(data).cast("B")
        try:
            while rest:  # with PYTHONUNBUFFERED a pipe or a full disk takes a part, and only the next call raises
                written = sys.stdout.buffer.write(rest)
                if written is None:
                    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
                rest = rest[written:]
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise AiwaveError(f"Cannot write to standard output: {error.strerror or error}.") from error
        return memoryview(data).nbytes


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AiwaveError(f"Cannot write {path}: {error.strerror or error}.") from error


class _Held:
    """An open file or folder, locked until it is closed; -1 for a folder on Windows, which cannot be opened."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        with suppress(OSError):  # a file system without locks, where nothing is removed either
            lock(descriptor, shared=True)

    def close(self) -> None:
        """Close it, once."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


@contextmanager
def _temporary(goal: Path, is_folder: bool = False) -> Iterator[tuple[Path, _Held]]:
    """A new temporary file or folder beside `goal`, locked while it is in use."""
    goal.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(goal.parent)
    temporary = goal.with_name(f".aiwave-{secrets.token_hex(8)}.tmp")
    if is_folder:
        temporary.mkdir()
        held = _Held(-1 if IS_WINDOWS else os.open(temporary, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW))
    else:
        held = _Held(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | NO_LINKS, 0o666))
    try:
        yield temporary, held
    finally:
        held.close()
        _remove(temporary)


def is_own(about: os.stat_result) -> bool:
    """True for a file of this user; on Windows, where files do not tell, for any."""
    return IS_WINDOWS or about.st_uid == os.getuid()


@lru_cache(maxsize=64)  # once per process, since folders may be large
def _remove_abandoned(folder: Path) -> None:
    """Remove temporary files and folders of ours that no process holds locked and that are not just being made."""
    with suppress(OSError):
        names = [entry.name for entry in os.scandir(folder) if TEMPORARY.fullmatch(entry.name)]
        for path in (folder / name for name in names):
            with suppress(OSError):
                about = path.lstat()
                is_ours = is_own(about) and (stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode))
                if not is_ours or time.time() - about.st_mtime < ABANDONED_S:
                    continue
                if IS_WINDOWS:
                    _remove(path)  # fails while it is open
                    continue
                descriptor = os.open(path, os.O_RDONLY | NO_LINKS | os.O_NONBLOCK)
                try:
                    if lock(descriptor):
                        _remove(path)
                finally:
                    os.close(descriptor)


ABANDONED_S = 60.0
"""Age from which on a temporary file may be abandoned; younger ones may not be locked yet."""


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _keep_mode(descriptor: int, goal: Path) -> None:
    """Give a file the permissions of the one that it replaces."""
    with suppress(OSError):
        if not IS_WINDOWS:  # where they are inherited from the folder
            os.fchmod(descriptor, stat.S_IMODE(goal.stat().st_mode) & 0o777)


def _move_to_free_name(temporary: Path, goal: Path) -> None:
    """Rename a file unless its new name is taken, whoever takes it. Raises AiwaveError if it is."""
    try:
        if IS_WINDOWS:
            os.rename(temporary, goal)  # which never replaces there
            return
        try:
            os.link(temporary, goal, follow_symlinks=False)
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            os.close(os.open(goal, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            os.replace(temporary, goal)
    except FileExistsError as error:
        raise taken(goal) from error


def taken(path: Path) -> AiwaveError:
    """Return the error for an output that exists."""
    return AiwaveError(f"{path} already exists: choose another name, or --force to replace it.")


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the file system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
