"""fMRI scans of SPM's data set "Attention to visual motion"."""

from dataclasses import replace
from pathlib import Path

from ..errors import AiwaveError
from .archive import ArchiveSource
from .raw import Raw


class SpmAttention(ArchiveSource):
    """Scans of one person, Analyze files .img with .hdr, split by time: the last ones are for testing.

    All of them show the same brain: results generalise to later scans, not to other people.

    Args:
        url: Address of attention.zip.
        images: Path pattern of its scans; see `ArchiveSource`.
        every: Use every n-th scan.
        val: Fraction of the scans for validation, just before those for testing.
        test: Fraction of the scans for testing.
        checksum: Checksum of the archive; SPM publishes none.
        size: Size of the archive in bytes, or slightly more; null if unknown.
    """

    def __init__(
        self,
        url: str,
        images: str = "attention/functional/{subject}.hdr",
        every: int = 1,
        val: float = 0.1,
        test: float = 0.2,
        checksum: str | None = None,
        size: int | None = None,
    ) -> None:
        super().__init__(url, images, checksum, size)
        if every < 1 or val < 0 or test < 0 or val + test >= 1:
            raise AiwaveError(
                "source.fetch: every must be at least 1, and val and test shares that leave some to train."
            )
        self.every, self.val, self.test = every, val, test

    def _found(self, root: Path, origin: str) -> list[Raw]:
        scans = super()._found(root, origin)[:: self.every]
        test = len(scans) - round(self.test * len(scans))
        val = test - round(self.val * len(scans))
        return [
            replace(scan, split="train" if index < val else "val" if index < test else "test")
            for index, scan in enumerate(scans)
        ]
