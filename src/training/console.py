"""Console output of a run, kept in its folder."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

NAME = "console.log"


class _Tee:
    """Writes to a stream and, line by line, to a file; a line that is redrawn is kept in its last state only."""

    def __init__(self, stream: TextIO, file: TextIO) -> None:
        self._stream = stream
        self._file = file
        self._line = ""

    def write(self, text: str) -> int:
        self._stream.write(text)
        *lines, self._line = (self._line + text).split("\n")
        with suppress(OSError):  # a full disk must not stop the output
            self._file.writelines(line.rstrip("\r").rpartition("\r")[2] + "\n" for line in lines)
            self._file.flush()
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def recorded_console(folder: Path) -> Iterator[None]:
    """Append standard output and error of the block to console.log in an existing `folder`."""
    with (folder / NAME).open("a", encoding="utf-8", errors="backslashreplace") as file:
        before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = _Tee(before[0], file), _Tee(before[1], file)  # type: ignore[assignment]
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before
