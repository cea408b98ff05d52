"""Shards, each joined once from its coded parts, with a record of what is in it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..stores.tensorstore_arrays import words_of
from ..system import peak_memory
from ..writing import replacing
from .errors_seen import ErrorsSeen
from .job import Job
from .work import CodePart, check_there, joined

EMPTY = 2**64 - 1
"""Offset and length in a shard's index of a chunk that is not stored, since it is all zeros."""


@dataclass(frozen=True)
class JoinShard:
    """Joins the parts of a shard of level `number` into its file in the store, and removes them.

    `record` is written first: a shard is done if that and a file of its size are there.
    """

    job: Job
    number: int
    shard: tuple[int, ...]

    @property
    def record(self) -> Path:
        """The file that tells what is in the shard."""
        return self.job.journal / str(self.number) / f"shard-{joined(self.shard)}.json"

    @property
    def file(self) -> Path:
        """The file of the shard, which does not exist if all of it is zeros."""
        return self.job.folder.joinpath(self.job.levels[self.number].path, "c", *map(str, self.shard))

    @property
    def voxels(self) -> int:
        """Voxels that joining adds to what is done."""
        return 0

    @property
    def words(self) -> str:
        """The shard, for people."""
        return f"Shard {words_of(tuple(slice(k, k + 1) for k in self.shard))} of level {self.number}"

    def parts(self) -> list[CodePart]:
        """The parts of the shard."""
        return [CodePart(self.job, self.number, box) for box in self.job.levels[self.number].parts(self.shard)]

    def is_done(self) -> bool:
        """True if the shard is whole."""
        if not self.record.exists():
            return False
        size = json.loads(self.record.read_bytes())["bytes"]
        return (self.file.stat().st_size if self.file.exists() else 0) == size

    def __call__(self) -> int:
        """Join the parts, and return the largest memory of this process so far, in bytes. Raises AiwaveError."""
        if not self.is_done():
            check_there(self.job)
            self._join(self.parts())
        for part in self.parts():
            part.file.unlink(missing_ok=True)
        return peak_memory()

    def _join(self, parts: list[CodePart]) -> None:
        level = self.job.levels[self.number]
        grid = tuple(outer // inner for outer, inner in zip(level.shard, level.chunk, strict=True))
        index = np.full((*grid, 2), EMPTY, np.uint64)
        at, seconds, seen = 0, 0.0, ErrorsSeen()
        first = [k * count for k, count in zip(self.shard, grid, strict=True)]
        bodies = []
        for part in parts:
            with part.file.open("rb") as file:
                about = json.loads(file.readline())
                bodies.append((part.file, file.tell()))
            seconds, seen = seconds + about["seconds"], seen + ErrorsSeen.of(about["errors"])
            places = np.ndindex(*(one.stop - one.start for one in part.chunks))
            for place, size in zip(places, about["sizes"], strict=True):
                if size is not None:
                    where = (k + one.start - a for k, one, a in zip(place, part.chunks, first, strict=True))
                    index[tuple(where)] = at, size
                    at += size
        end = _index_bytes(index)
        record = {"bytes": at + len(end) if at else 0, "seconds": seconds, "errors": seen.as_dict()}
        if not at:
            _write_record(self.record, record)
            return
        with replacing(self.file) as temporary:
            with temporary.open("wb") as out:
                for file_name, start in bodies:
                    _copy(file_name, start, out)
                out.write(end)
            _write_record(self.record, record)


def _write_record(path: Path, record: dict[str, Any]) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(record), encoding="utf-8")


def _copy(name: Path, start: int, out: Any) -> None:
    import shutil

    with name.open("rb") as file:
        file.seek(start)
        shutil.copyfileobj(file, out, 1 << 20)


def _index_bytes(index: np.ndarray) -> bytes:
    """A shard's index (chunks per axis, 2) as zarr-python writes it: little-endian numbers and their CRC-32C."""
    from zarr.codecs import Crc32cCodec
    from zarr.storage import MemoryStore

    import zarr

    held: dict[str, Any] = {}
    array = zarr.create_array(
        MemoryStore(held),
        shape=index.shape,
        chunks=index.shape,
        dtype=index.dtype,
        fill_value=0,
        compressors=[Crc32cCodec()],
        config={"write_empty_chunks": True},
    )
    array[...] = index
    found: bytes = held["/".join(["c", *["0"] * index.ndim])].to_bytes()
    return found
