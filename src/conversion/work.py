"""Parts of shards: each is coded once, measured and kept until its shard is joined."""

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..errors import AiwaveError, complaint
from ..stores.stored_array import Box
from ..stores.tensorstore_arrays import words_of
from ..system import keep_memory, peak_memory
from ..writing import replacing
from .coarser import coarser
from .codecs import Cell, filled_up, options_of
from .errors_seen import ErrorsSeen
from .job import Job
from .levels import Level


@dataclass(frozen=True)
class CodePart:
    """Codes the chunks of a box of level `number`, counted in the grid of chunks, into a file of the journal.

    The file has a line of JSON, then the chunks one after the other.
    """

    job: Job
    number: int
    chunks: Box

    @property
    def file(self) -> Path:
        """The file of the part, which exists once all of it is coded and measured."""
        return self.job.journal / str(self.number) / f"part-{joined(tuple(one.start for one in self.chunks))}"

    @property
    def voxels(self) -> int:
        """Voxels of the part."""
        return math.prod(part.stop - part.start for part in self._level.box_of(self.chunks))

    @property
    def words(self) -> str:
        """The part, for people."""
        return f"Level {self.number} at {words_of(self._level.box_of(self.chunks))}"

    @property
    def _level(self) -> Level:
        return self.job.levels[self.number]

    def __call__(self) -> int:
        """Code the part unless it is there, and return the largest memory of this process so far, in bytes.

        Raises AiwaveError, naming the chunk, if one cannot be read, coded, or read back as it should.
        """
        if not self.file.exists():
            _calm()
            started = time.process_time()
            sizes, coded, seen = list[int | None](), list[bytes](), ErrorsSeen()
            for voxels, box in self._voxels():
                data, errors = self._chunk(voxels, box, self.job.verify or not seen.voxels)
                sizes.append(None if data is None else len(data))
                coded.append(data or b"")
                seen += errors
            about = {"sizes": sizes, "seconds": time.process_time() - started, "errors": seen.as_dict()}
            check_there(self.job)
            with replacing(self.file) as temporary:
                temporary.write_bytes(json.dumps(about).encode() + b"\n" + b"".join(coded))
        return peak_memory()

    def _voxels(self) -> Iterator[tuple[np.ndarray, Box]]:
        """Voxels of each chunk as far as they lie in the array, and their box.

        A source is read once for the whole part, since its own chunks may be larger.
        """
        level = self._level
        whole = level.box_of(self.chunks)
        read = None if self.number else self._read(whole)
        for place in np.ndindex(*(part.stop - part.start for part in self.chunks)):
            one = tuple(slice(part.start + k, part.start + k + 1) for part, k in zip(self.chunks, place, strict=True))
            box = level.box_of(one)
            if read is None:
                yield self._read(box), box
            else:
                at = (slice(a.start - b.start, a.stop - b.start) for a, b in zip(box, whole, strict=True))
                yield read[tuple(at)], box

    def _read(self, box: Box) -> np.ndarray:
        try:
            return coarser(self.job, self.number, box) if self.number else self.job.source.read(box)
        except Exception as error:
            raise self._failed(box, "read", error) from error

    def _chunk(self, voxels: np.ndarray, box: Box, measured: bool) -> tuple[bytes | None, ErrorsSeen]:
        """The bytes of a chunk, and the errors of what they decode to if they are `measured`."""
        cell = _cell(self.job, self.number)
        try:
            data = cell.encode(filled_up(voxels, self._level.chunk))
            if data is None or not measured:
                return data, ErrorsSeen()
            decoded = cell.decoded()[tuple(slice(0, size) for size in voxels.shape)]
        except Exception as error:
            raise self._failed(box, "coded", error) from error
        errors = ErrorsSeen.between(voxels, decoded)
        limit = 0 if self.job.exact else _limit(self.job)
        if errors.largest > limit:
            raise AiwaveError(
                f"The chunk of level {self.number} at {words_of(box)} is off by {errors.largest:g} when read back, not "
                f"at most {limit:g}: this is a defect, so please report it."
            )
        return data, errors

    def _failed(self, box: Box, what: str, error: Exception) -> AiwaveError:
        reason = complaint(error) or f"{type(error).__name__}: {str(error).rstrip('.')}."
        return AiwaveError(f"The chunk of level {self.number} at {words_of(box)} could not be {what}: {reason}")


_cells: dict[tuple[str, int], Cell] = {}
"""Chunks in memory of this process, by job and level."""


def _cell(job: Job, number: int) -> Cell:
    """The chunk in memory of a level; one level at a time needs one."""
    key = job.digest, number
    if key not in _cells:
        _cells.clear()
        _cells[key] = Cell(job.levels[number], job.source.dtype, options_of(job))
    return _cells[key]


def _limit(job: Job) -> float:
    return math.inf if job.codec is None else float(dict(job.codec["mode"]).get("max_error", math.inf))


def check_there(job: Job) -> None:
    """Raise AiwaveError if the target is not there: on another machine, or removed by another process."""
    if not job.journal.is_dir():
        raise AiwaveError(
            f"{job.folder} is not there, or was removed: all workers need the folder of the target, under one name."
        )


@lru_cache(maxsize=1)
def _calm() -> None:
    """Have zarr-python work on one chunk at a time: a worker is one thread, with the memory of a few chunks."""
    import zarr

    keep_memory()
    zarr.config.set({"async.concurrency": 1, "threading.max_workers": 1})


def joined(place: tuple[int, ...]) -> str:
    """A place in a grid as part of a file name."""
    return "-".join(map(str, place))
