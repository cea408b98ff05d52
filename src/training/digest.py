"""Checksum inside a checkpoint: the SHA-256 of everything before it, as the comment of the checkpoint's zip archive.

Zip readers, `torch.load` included, are not affected by the comment; and there is no second file to lose.
"""

import hashlib
import struct
from pathlib import Path
from typing import BinaryIO

START_SIGNATURE = b"PK\x03\x04"  # of the first record of an archive: `torch.load` recognises archives by it
END_SIGNATURE = b"PK\x05\x06"  # of the last record of an archive: 22 bytes, the last two the comment's length
END_SIZE = 22
HEX_SIZE = 64
BLOCK = 1 << 20


def seal(path: Path) -> None:
    """Append the checksum to an archive that has no comment. Raises OSError."""
    with path.open("r+b") as file:
        file.seek(-2, 2)
        file.write(struct.pack("<H", HEX_SIZE))
        size = file.tell()
        file.write(_digest(file, size))


def is_archive(path: Path) -> bool:
    """True if a file begins like a zip archive. Raises OSError."""
    with path.open("rb") as file:
        return file.read(len(START_SIGNATURE)) == START_SIGNATURE


def is_intact(path: Path) -> bool:
    """True if an archive is unchanged since it was sealed, or was never sealed and is complete. Raises OSError."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if _ends_at(file, size, 0):
            return True
        size -= HEX_SIZE
        return _ends_at(file, size, HEX_SIZE) and _digest(file, size) == file.read()


def _ends_at(file: BinaryIO, size: int, comment: int) -> bool:
    """True if the first `size` bytes are an archive up to its comment of `comment` bytes."""
    if size < END_SIZE:
        return False
    file.seek(size - END_SIZE)
    end = file.read(END_SIZE)
    return end[:4] == END_SIGNATURE and end[-2:] == struct.pack("<H", comment)


def _digest(file: BinaryIO, size: int) -> bytes:
    """The checksum of the first `size` bytes, in hexadecimal; leaves the file at `size`."""
    digest = hashlib.sha256()
    file.seek(0)
    while left := size - file.tell():
        part = file.read(min(left, BLOCK))
        if not part:
            break
        digest.update(part)
    return digest.hexdigest().encode()
