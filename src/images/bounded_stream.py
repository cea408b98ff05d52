"""Reading of files that may be gzipped, whatever their names, with no more memory than their content takes."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ..budget import check_image_budget
from ..errors import AiwaveError

GZIP = b"\x1f\x8b"
CHUNK_BYTES = 1 << 22
TAIL_BYTES = 1 << 20
"""Most bytes that may follow the voxels."""
DAMAGE = (EOFError, OSError, ValueError, OverflowError, zlib.error)
"""Errors of reading a truncated or damaged file."""


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The content of the file, unzipped if it is gzipped; a gzip checksum is verified when its end is read."""
    with path.open("rb") as file:
        is_zipped = file.read(len(GZIP)) == GZIP
        file.seek(0)
        if not is_zipped:
            yield file
            return
        with gzip.GzipFile(fileobj=file) as unzipped:
            yield unzipped  # type: ignore[misc]


def read_up_to(stream: IO[bytes], size: int) -> bytearray:
    """The next `size` bytes of a stream, fewer if it ends; memory is only taken for bytes that are there."""
    content = bytearray()
    while chunk := stream.read(min(CHUNK_BYTES, size - len(content))):
        content += chunk
    return content


def read_voxel_bytes(stream: IO[bytes], size: int, file: str) -> tuple[bytearray, bytearray]:
    """The next `size` bytes of the content of `file`, and what follows them to its end, `TAIL_BYTES` at most.

    Raises ValueError if there are fewer, and AiwaveError if more follow, or so many are beyond the budget of `file`.
    """
    if isinstance(stream, gzip.GzipFile):
        check_image_budget(size, file)
    content = read_up_to(stream, size)
    if len(content) < size:
        raise ValueError(f"it holds {len(content)} of {size} bytes of voxels")
    tail = read_up_to(stream, TAIL_BYTES + 1)
    if len(tail) > TAIL_BYTES:
        raise AiwaveError(
            f"{file} holds far more data than the {size} bytes of voxels that its header declares: correct the header."
        )
    return content, tail
