"""Locks of open files between processes: those of POSIX or, where there are none, of Windows."""

import sys

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


def lock(descriptor: int, shared: bool = False) -> bool:
    """Lock an open file until it is closed; False if another process holds a lock, unless both are `shared`.

    On Windows a shared lock does nothing: nobody can remove a file that is open, and locked bytes could not be written.

    Raises:
        OSError: If the file system has no locks.
    """
    if sys.platform == "win32":
        try:
            if not shared:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
