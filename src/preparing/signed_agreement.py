"""Data that may be handed out only to those who sign for it."""

from abc import abstractmethod
from pathlib import Path

from ..errors import AiwaveError
from .raw import Raw, Source
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
