"""The data module of folders that `aiwave prepare` wrote, with a manifest."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ..errors import AiwaveError
from ..system import user_path
from .crops import Item
from .manifest import MANIFEST, SPLITS, Entry, Manifest
from .volume import Volume, load_volumes
from .volume_datamodule import VolumeDataModule

ENOUGH_TO_HOLD_OUT = 3


class PreparedDataModule(VolumeDataModule):
    """The volumes listed in the manifest of `<root>/<subset>`, and no others.

    Every file is checked against its recorded hash before it is used. Validation uses the split "val"; without one, the
    last training file, if there are at least three. Raises AiwaveError without a manifest or for a changed file.
    """

    @property
    def folder(self) -> Path:
        """The prepared folder. Raises AiwaveError if `root` is not set."""
        if self.root is None:
            raise AiwaveError("dataset.root is not set: give the folder that aiwave prepare wrote to.")
        return user_path(self.root) / self.subset

    def items(self) -> tuple[list[Item], list[Item]]:
        """The training and validation files, unread."""
        manifest = self.manifest()
        training, validation = self._items(manifest, "train"), self._items(manifest, "val", needed=False)
        if not validation and len(training) >= ENOUGH_TO_HOLD_OUT:
            training, validation = training[:-1], training[-1:]
        return training, validation or training

    def training_volumes(self) -> Iterator[Volume]:
        """Yield the volumes of the split "train", one file in memory at a time."""
        return self._volumes("train")

    def test_volumes(self) -> Iterator[Volume]:
        """Yield the volumes of the split "test", one file in memory at a time."""
        return self._volumes("test")

    def some_volumes(self, count: int) -> dict[str, list[Volume]]:
        """At most `count` volumes of every existing split, evenly spaced in the manifest."""
        manifest = self.manifest()
        splits = {split: manifest.split(split) for split in SPLITS}
        return {
            split: [self._read(manifest, entry) for entry in entries[:: -(-len(entries) // count)]]
            for split, entries in splits.items()
            if entries
        }

    def manifest(self) -> Manifest:
        """The manifest of the folder. Without one, raises AiwaveError with the command that prepares it."""
        if not (self.folder / MANIFEST).is_file():
            raise AiwaveError(
                f"{self.folder} has no {MANIFEST}: run aiwave prepare dataset={self.name} root={self.root} first."
            )
        return Manifest.read(self.folder)

    def identity(self) -> str:
        """Hash of the manifest."""
        return self.manifest().sha256

    def _volumes(self, split: str) -> Iterator[Volume]:
        manifest = self.manifest()
        for entry in self._entries(manifest, split):
            yield self._read(manifest, entry)

    def _read(self, manifest: Manifest, entry: Entry) -> Volume:
        (volume,) = load_volumes(manifest.verify(entry), str(self.name))
        return volume

    def _items(self, manifest: Manifest, split: str, needed: bool = True) -> list[Item]:
        return [
            Item(
                entry.file,
                manifest.verify(entry),
                entry.shape,
                np.dtype(entry.dtype),
                entry.minimum,
                entry.maximum,
                entry.sha256,
            )
            for entry in self._entries(manifest, split, needed)
        ]

    def _entries(self, manifest: Manifest, split: str, needed: bool = True) -> Sequence[Entry]:
        entries = manifest.split(split)
        if needed and not entries:
            raise AiwaveError(
                f"{self.folder} has no volumes of the split {split}: prepare it with another source.split."
            )
        return entries
