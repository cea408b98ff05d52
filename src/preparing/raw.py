"""The raw images that a source provides: one entry per subject."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Raw:
    """One subject's raw image on disk: a file, the folder of its DICOM series, or a folder of TIFF slices.

    `subject` is unique within a source; the frames of a 4-D file and the series of one folder belong to one subject.
    `split` is "train", "val" or "test" if the source decides, else None. `source` is the image's origin: a URL, with
    the member of an archive, or the path as given by the user.
    """

    subject: str
    path: Path
    split: str | None
    source: str


class Source(ABC):
    """A source of raw images. `size` is the most that `fetch` downloads, in bytes; None if unknown."""

    size: int | None

    @abstractmethod
    def fetch(self, folder: Path) -> list[Raw]:
        """Fetch the raw files into `folder`, skipping those present and verified; return them sorted by subject.

        Raises:
            AiwaveError: If they cannot be fetched, or are not as expected.
        """

    def adopt(self, path: Path, folder: Path) -> list[Raw]:
        """Return the raw images in the user's own file or folder `path`, instead of fetching them.

        A source of archives may unpack `path` into `folder`.

        Raises:
            AiwaveError: If there is no image in `path`.
        """
        from .local_files import LocalFiles

        return LocalFiles(str(path)).fetch(folder)
