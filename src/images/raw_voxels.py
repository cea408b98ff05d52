"""Voxels in the encodings of NRRD and MetaImage, in the file of the header or in others."""

import bz2
import gzip
import math
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import numpy as np

from ..budget import check_image_budget
from ..errors import AiwaveError
from .image import native, unreadable

Encoding = Literal["raw", "gzip", "bzip2", "zlib", "text", "hex"]
CHUNK = 1 << 22
MOST_FILES = 1 << 20
LONGEST = 200
"""Characters of a name that a message repeats."""


@dataclass(frozen=True)
class RawVoxels:
    """Place and encoding of the voxels that the header `header` declares.

    `shape` has the slowest axis first; `dtype` has the byte order of the files, of which each holds an equal share.
    Before its voxels, a file has `start` bytes, then `lines` lines, and `skip` bytes that are encoded like the voxels;
    -1 for `skip` means that the voxels are the last bytes of the file.
    """

    header: Path
    files: tuple[Path, ...]
    dtype: np.dtype
    shape: tuple[int, ...]
    encoding: Encoding
    start: int = 0
    lines: int = 0
    skip: int = 0

    def read(self) -> np.ndarray:
        """Read them, in native byte order. Raises AiwaveError, naming the file, if it is missing, damaged or truncated.

        No more memory is taken than the files have voxels for.
        """
        count = math.prod(self.shape)
        for file in self.files:
            if not file.is_file():
                problem = "is no file" if file.exists() else "does not exist"
                raise AiwaveError(f"{self.header} keeps its voxels in {file}, which {problem}: put it there.")
        if count % len(self.files):
            raise AiwaveError(f"{self.header} has {len(self.files)} files for {count} voxels: correct their list.")
        if self.encoding in ("gzip", "bzip2", "zlib"):
            check_image_budget(count * self.dtype.itemsize, *self.files)
        share = count // len(self.files)
        parts = [self._part(file, share) for file in self.files]
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return native(whole.reshape(self.shape))

    def _part(self, file: Path, count: int) -> np.ndarray:
        size = count * self.dtype.itemsize
        try:
            with file.open("rb") as stream:
                stream.seek(self.start)
                for _ in range(self.lines):
                    stream.readline()
                if self.skip < 0:
                    stream.seek(max(os.fstat(stream.fileno()).st_size - size, 0))
                if self.encoding in ("text", "hex"):
                    return self._written_out(stream.read(), count)
                content = self._content(stream, max(self.skip, 0), size)
            if len(content) < size:
                raise ValueError(f"it holds {len(content)} of {size} bytes of voxels")
        except (EOFError, OSError, ValueError, zlib.error) as error:
            raise unreadable(str(file), str(error).rstrip(".")) from error
        return np.frombuffer(content, self.dtype, count)

    def _content(self, stream: IO[bytes], skip: int, size: int) -> bytearray:
        """The decoded bytes from `skip` on, `size` at most; a compressed stream verifies its checksum at its end."""
        content = bytearray()
        for chunk in _decoded(stream, self.encoding):
            skipped = min(skip, len(chunk))
            skip -= skipped
            content += chunk[skipped : skipped + size - len(content)]
            if self.encoding == "raw" and len(content) == size:
                break
        return content

    def _written_out(self, content: bytes, count: int) -> np.ndarray:
        """Voxels written as numbers, or as pairs of hexadecimal digits."""
        if self.encoding == "hex":
            found = np.frombuffer(bytes.fromhex(content.decode("ascii")), np.uint8).tobytes()
            voxels = np.frombuffer(found[: len(found) // self.dtype.itemsize * self.dtype.itemsize], self.dtype)
        else:
            words = re.split(rb"[\s,]+", content.strip())
            kind = float if self.dtype.kind == "f" else int
            voxels = np.array([kind(word) for word in words[:count] if word], self.dtype)
        if voxels.size < count:
            raise ValueError(f"it holds {voxels.size} of {count} voxels")
        return voxels[:count]


def listed_files(folder: Path, words: Sequence[str], lines: Sequence[str], header: Path) -> tuple[Path, ...]:
    """The files with the voxels that `header` names, in its folder.

    `words` are LIST, for one name in each of the following `lines`; or a pattern such as slice%03d.raw with first and
    last number and step; or a single name. Raises AiwaveError, naming the header, if none is named, or one that is not
    in that folder or below it.
    """
    if not words:
        raise AiwaveError(f"{header} names no file with its voxels: add it to the header, or save the image again.")
    if words[0].upper() == "LIST":
        names = [line.strip() for line in lines if line.strip()]
    elif "%" in words[0] and len(words) >= 3 and all(re.fullmatch(r"-?\d{1,9}", word) for word in words[1:4]):
        first, last, step = (int(word) for word in (*words[1:3], words[3] if len(words) > 3 else "1"))
        numbers = range(first, last + (1 if step > 0 else -1), step or 1)
        if not re.fullmatch(r"[^%]*%0?\d{0,2}[di][^%]*", words[0]) or len(numbers) > MOST_FILES:
            raise AiwaveError(
                f"{header} names its files {words[0][:LONGEST]}, which is no pattern of at most {MOST_FILES} names: "
                "correct it."
            )
        names = [words[0] % k for k in numbers]
    else:
        names = [" ".join(words)]
    if not names:
        raise AiwaveError(f"{header} names no file with its voxels: add it to the header, or save the image again.")
    return tuple(within(folder, name, header) for name in names)


def within(folder: Path, name: str, header: Path) -> Path:
    """The file `name` in `folder` or below. Raises AiwaveError, naming the header, if it or a link leads elsewhere."""
    try:
        place = (folder / name).resolve()
    except (ValueError, OSError, RuntimeError) as error:
        raise AiwaveError(f"{header} names the file {name[:LONGEST]!r}, which cannot be: correct it.") from error
    if not place.is_relative_to(folder.resolve()) or Path(name).is_absolute() or ".." in Path(name).parts:
        raise AiwaveError(
            f"{header} names the file {name[:LONGEST]!r}, which is not in its own folder: put the file beside the "
            "header, and correct the name there."
        )
    return folder / name


def _decoded(stream: IO[bytes], encoding: Encoding) -> Iterator[bytes]:
    """The content of a stream from its position on, in pieces."""
    if encoding == "zlib":
        yield from _inflated(stream)
        return
    source: IO[bytes] = stream
    if encoding == "gzip":
        source = gzip.GzipFile(fileobj=stream)  # type: ignore[assignment]
    elif encoding == "bzip2":
        source = bz2.BZ2File(stream)  # type: ignore[assignment]
    while chunk := source.read(CHUNK):
        yield chunk


def _inflated(stream: IO[bytes]) -> Iterator[bytes]:
    """The content of a zlib or gzip stream. Raises EOFError if it is cut short."""
    decoder = zlib.decompressobj(wbits=47)
    while not decoder.eof:
        piece = decoder.unconsumed_tail or stream.read(CHUNK)
        if not piece:
            raise EOFError("its compressed voxels are cut short")
        yield decoder.decompress(piece, CHUNK)
