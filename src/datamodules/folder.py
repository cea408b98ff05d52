"""The data module of the user's own folder, prepared or not."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from ..errors import AiwaveError
from ..images.image_files import VOLUME_SUFFIXES
from ..system import user_path
from .crops import Item
from .manifest import MANIFEST, sha256_of
from .prepared import PreparedDataModule
from .volume import Volume, load_volumes


class FolderDataModule(PreparedDataModule):
    """Volumes from `<root>/<subset>` if it is prepared, else from `<root>/train/<subset>` and `<root>/test/<subset>`.

    Unprepared files are read into memory in the order of their names: .tif, .tiff, .nii, .nii.gz, .nrrd, .mha and .mhd;
    a file with four axes is a series of volumes. A missing or empty folder raises AiwaveError, which lists the existing
    subsets.
    """

    @property
    def is_prepared(self) -> bool:
        """True if there is a manifest."""
        return (self.folder / MANIFEST).is_file()

    @property
    def has_test_volumes(self) -> bool:
        """True if it is prepared, or has a folder of test volumes."""
        return self.is_prepared or (user_path(str(self.root)) / "test" / self.subset).is_dir()

    def items(self) -> tuple[list[Item], list[Item]]:
        """The training and validation volumes; read into memory if not prepared."""
        return super().items() if self.is_prepared else super(PreparedDataModule, self).items()

    def training_volumes(self) -> Iterator[Volume]:
        """Yield the training volumes."""
        return super().training_volumes() if self.is_prepared else self._load("train")

    def test_volumes(self) -> Iterator[Volume]:
        """Yield the test volumes, one file in memory at a time."""
        return super().test_volumes() if self.is_prepared else self._load("test")

    def some_volumes(self, count: int) -> dict[str, list[Volume]]:
        """At most `count` volumes of every split."""
        return super().some_volumes(count) if self.is_prepared else super(PreparedDataModule, self).some_volumes(count)

    def identity(self) -> str:
        """Hash of the manifest or, without one, of the names and contents of all files."""
        if self.is_prepared:
            return super().identity()
        facts = []
        for split in ("train", "test"):
            folder = user_path(str(self.root)) / split / self.subset
            files = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
            facts += [f"{split}/{path.name} {_content(path)}" for path in files]
        return hashlib.sha256("\n".join(facts).encode(errors="surrogateescape")).hexdigest()

    def _load(self, split: str) -> Iterator[Volume]:
        for file in self._files(split):
            yield from load_volumes(file, str(self.name))

    def _files(self, split: str) -> list[Path]:
        """Return the volume files of a split, sorted. Raises AiwaveError if there is none."""
        root = user_path(str(self.root))
        if not root.is_dir():
            raise AiwaveError(f"dataset.root {root} is not a folder: give the one that holds train/ and test/.")
        folder = root / split / self.subset
        untested = " (training alone, with evaluate=false, needs none)" if split == "test" else ""
        if not folder.is_dir():
            raise AiwaveError(f"{folder} is not a folder: set dataset.subset to {_subsets(root / split)}{untested}.")
        files = sorted(file for file in folder.iterdir() if file.name.lower().endswith(VOLUME_SUFFIXES))
        if not files:
            raise AiwaveError(
                f"{folder} holds no volume ({', '.join(VOLUME_SUFFIXES)}): add one or set dataset.subset to "
                f"{_subsets(root / split)}{untested}."
            )
        return files


def _content(path: Path) -> str:
    """SHA-256 of a file. Raises AiwaveError if it cannot be read."""
    try:
        return sha256_of(path)
    except OSError as error:
        raise AiwaveError(f"{path} cannot be read: {error.strerror}.") from error


def _subsets(folder: Path) -> str:
    """The non-empty subfolders of a split, as words for a message."""
    if not folder.is_dir():
        return f"a folder you make in {folder}, which does not exist"
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and any(entry.iterdir()))
    return f"one of {', '.join(names)}" if names else f"a folder you fill in {folder}, which is empty"
