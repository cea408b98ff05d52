"""Checkpoints on disk: whole or not at all, sealed with a checksum, and never unpickled."""

import hashlib
import struct
from pathlib import Path
from typing import Any, BinaryIO

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from ..errors import AiwaveError
from ..writing import replacing

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


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes under a temporary name and renames; reads tensors and plain values only."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write a checkpoint. Raises AiwaveError if the disk refuses."""
        with replacing(Path(path)) as temporary:
            with temporary.open("wb") as file:
                _save(checkpoint, file)
            seal(temporary)

    def load_checkpoint(self, path: Any, map_location: Any = "cpu", weights_only: bool | None = True) -> Any:
        """Read a checkpoint. Raises AiwaveError naming the file if it is missing, cut short or not a checkpoint."""
        return read_checkpoint(Path(path))


def _save(checkpoint: dict[str, Any], file: BinaryIO) -> None:
    """Write a checkpoint. Raises OSError if the disk is full, in place of torch's own error."""
    try:
        torch.save(checkpoint, file)
    except RuntimeError as error:
        if isinstance(error.__context__, OSError):
            raise error.__context__ from error
        raise


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint's tensors and plain values onto the CPU; its checksum, if any, is verified first.

    Raises:
        AiwaveError: If the file is missing, cut short or not a checkpoint of this program.
    """
    if not path.is_file():
        raise AiwaveError(f"No checkpoint at {path}: check the path.")
    if is_archive(path) and not is_intact(path):
        raise AiwaveError(f"{path} is damaged (its checksum differs): use another checkpoint or train again.")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever makes torch.load fail, the file is not usable
        raise AiwaveError(f"{path} is not a readable checkpoint (damaged or of another program).") from error
    if not isinstance(checkpoint, dict) or "state_dict" not in checkpoint:
        raise AiwaveError(f"{path} holds no model weights: give a checkpoint written by `aiwave train`.")
    return checkpoint
