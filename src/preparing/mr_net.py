"""Knee MRI from Stanford's MRNet data set."""

from collections.abc import Mapping
from itertools import chain
from pathlib import Path

from ..errors import AiwaveError
from .raw import Raw
from .signed_agreement import SignedAgreement


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
