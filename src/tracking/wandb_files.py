"""Reading of W&B's own files of a run, in which an offline run that is resumed finds where it had come to.

A .wandb file is a log in the format of LevelDB: protobuf records, in blocks of 32 KiB after 7 bytes of header.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HEADER, BLOCK, PREFIX = 7, 1 << 15, 7

WHOLE, LAST = 1, 4  # kinds of a piece that end a record


def next_step(folder: Path, identity: str) -> int:
    """The step after the last one in the history of run `identity` whose files are below `folder`; 0 without any.

    A file may end in the middle of a record, if its process was killed.
    """
    files = (folder / "wandb").glob(f"*run-*-{identity}/run-{identity}.wandb")
    return max((1 + step for path in files for step in _steps(path)), default=0)


def _steps(path: Path) -> Iterator[int]:
    """The step of every entry of a file's history."""
    from google.protobuf.message import DecodeError
    from wandb.proto import wandb_internal_pb2

    for data in _records(path.read_bytes()):
        record: Any = wandb_internal_pb2.Record()  # type: ignore[attr-defined]
        try:
            record.ParseFromString(data)
        except DecodeError:
            return
        if record.WhichOneof("record_type") == "history":
            yield record.history.step.num


def _records(data: bytes) -> Iterator[bytes]:
    """The records of a log, up to one that is incomplete."""
    position, record = HEADER, b""
    while len(data) - position >= PREFIX:
        left = BLOCK - position % BLOCK
        if left < PREFIX:  # no room for a piece: the rest of a block is empty
            position += left
            continue
        length, kind = struct.unpack_from("<HB", data, position + 4)  # after a checksum
        record += data[position + PREFIX : position + PREFIX + length]
        position += PREFIX + length
        if position > len(data):
            return
        if kind in (WHOLE, LAST):
            yield record
            record = b""
