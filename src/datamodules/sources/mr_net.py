"""MRNet: a data set behind a signed agreement."""

from abc import abstractmethod
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

from ...errors import AiwaveError
from .source import Raw, Source
from .unpack import is_archive, unpack


class SignedAgreement(Source):
    """Images that users download themselves, after signing an agreement, and leave in the downloads folder.

    Args:
        page: Where to sign.
        archive: Name of the archive that one gets, such as "MRNet-v1.0.zip"; packed or unpacked are the same.
    """

    size: int | None = 0

    def __init__(self, page: str, archive: str) -> None:
        self.page, self.archive = page, archive

    def fetch(self, folder: Path) -> list[Raw]:
        """Take what the user has put into `folder`. Raises AiwaveError that says what to put there if it is empty."""
        names = (self.archive, f"{self.archive}.files", Path(self.archive).stem, "")
        for place in (folder / name for name in names):
            if is_archive(place):
                return self.adopt(place, folder)
            if raws := self.images(place, str(place)):
                return raws
        raise AiwaveError(
            f"Whoever uses {Path(self.archive).stem} signs an agreement first: do so at {self.page}, download "
            f"{self.archive}, put it into {folder.resolve()} (packed or unpacked) or give its place with from=, and "
            f"run the command again."
        )

    def adopt(self, path: Path, folder: Path) -> list[Raw]:
        """Take the archive or its unpacked folder from `path`; other files as any source does."""
        root = unpack(path, folder / f"{path.name}.files") if is_archive(path) else path
        return self.images(root, str(path)) or super().adopt(root, folder)

    @abstractmethod
    def images(self, root: Path, origin: str) -> list[Raw]:
        """Return the images below `root`, sorted by subject; none if it is not what was signed for."""


class MrNet(SignedAgreement):
    """Examinations of MRNet-v1.0 in one plane, train/PLANE/NNNN.npy and valid/PLANE/NNNN.npy, (slices, 256, 256) uint8.

    The publisher keeps a patient's examinations in one split. Its training examinations are used for training; of its
    validation examinations, by number, the first are used for validation and the next for testing.

    Args:
        page: Address of the agreement to sign.
        archive: Name of the archive that signers get.
        plane: axial, coronal or sagittal.
        exams: Largest number of examinations for each of train, val and test.
    """

    def __init__(self, page: str, archive: str, plane: str, exams: Mapping[str, int]) -> None:
        super().__init__(page, archive)
        if plane not in ("axial", "coronal", "sagittal"):
            raise AiwaveError(f"source.fetch.plane is {plane!r}: choose axial, coronal or sagittal.")
        if set(exams) != {"train", "val", "test"}:
            raise AiwaveError(f"source.fetch.exams names {', '.join(exams)}: give numbers for train, val and test.")
        self.plane, self.exams = plane, dict(exams)

    def images(self, root: Path, origin: str) -> list[Raw]:
        """Return the examinations below `root` or its only folder, MRNet-v1.0."""
        for base in (root, *sorted(path for path in root.glob("*") if path.is_dir())):
            train, valid = (sorted((base / part / self.plane).glob("[0-9]*.npy")) for part in ("train", "valid"))
            if train and valid:
                last = self.exams["val"]
                splits = {
                    "train": train[: self.exams["train"]],
                    "val": valid[:last],
                    "test": valid[last : last + self.exams["test"]],
                }
                raws = chain.from_iterable(
                    (Raw(path.stem, path, split, f"{origin}#{path.relative_to(root).as_posix()}") for path in paths)
                    for split, paths in splits.items()
                )
                return sorted(raws, key=lambda raw: raw.subject)
        return []
