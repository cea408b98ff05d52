"""Volumes from a folder of files."""

from collections.abc import Iterator
from pathlib import Path

from ..errors import AiwaveError
from .base import VolumeDataModule
from .fits import check_fits
from .volume import Volume


class FolderDataModule(VolumeDataModule):
    """Volumes from `<root>/train/<subset>` and `<root>/test/<subset>`, in the order of their names.

    Takes .tif, .tiff, .nii, .nii.gz, .nrrd, .mha and .mhd files; one with four axes is a series of volumes.
    A missing or empty folder raises AiwaveError with the subsets that exist.
    """

    def training_volumes(self) -> Iterator[Volume]:
        """Yield the volumes of `<root>/train/<subset>`; headers are checked before any voxel is read."""
        from .readers import read_header

        files = self._files("train")
        for file in files:
            header = read_header(file)
            if len(header.shape) in (3, 4):  # what is neither is the reader's to refuse
                check_fits(str(file), header.volume_shape, self.crop)
        yield from self._load(files)

    def test_volumes(self) -> Iterator[Volume]:
        """Yield the volumes of `<root>/test/<subset>`, one file in memory at a time."""
        yield from self._load(self._files("test"))

    def _load(self, files: list[Path]) -> Iterator[Volume]:
        from .readers import load_volumes

        for file in files:
            yield from load_volumes(file, str(self.name))

    def _files(self, split: str) -> list[Path]:
        """Return the volume files of a split, sorted. Raises AiwaveError if there is none."""
        from .readers import SUFFIXES

        if self.root is None:
            raise AiwaveError("dataset.root is not set: give the folder that holds train/ and test/.")
        root = Path(self.root).expanduser()
        if not root.is_dir():
            raise AiwaveError(f"dataset.root {root} is not a folder: give the one that holds train/ and test/.")
        folder = root / split / self.subset
        if not folder.is_dir():
            raise AiwaveError(f"{folder} is not a folder: set dataset.subset to {_subsets(root / split)}.")
        files = sorted(file for file in folder.iterdir() if file.name.lower().endswith(SUFFIXES))
        if not files:
            raise AiwaveError(
                f"{folder} holds no volume ({', '.join(SUFFIXES)}): add one or set dataset.subset to "
                f"{_subsets(root / split)}."
            )
        return files


def _subsets(folder: Path) -> str:
    """The sub-folders of a split that hold something, as words."""
    if not folder.is_dir():
        return f"a folder you make in {folder}, which does not exist"
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and any(entry.iterdir()))
    return f"one of {', '.join(names)}" if names else f"a folder you fill in {folder}, which is empty"
