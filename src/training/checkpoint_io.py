"""Checkpoints on disk: written atomically, sealed with a checksum, and never unpickled."""

from pathlib import Path
from typing import Any, BinaryIO

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from ..atomic import replacing
from ..errors import AiwaveError
from .digest import is_archive, is_intact, seal


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
