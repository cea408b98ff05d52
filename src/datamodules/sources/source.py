"""Sources of raw images: their interface, and the user's own files."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...errors import AiwaveError
from ...images.image_files import KINDS, holds_slices, is_image, is_second_half, is_volume_of_slices, stem_of
from ...system import user_path
from ..manifest import SPLITS


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

        return LocalFiles(str(path)).fetch(folder)


class LocalFiles(Source):
    """The images in `path`: a file, or a folder of files, DICOM folders and folders of TIFF slices.

    Every file is a subject, and so is every folder with DICOM files or TIFF slices in it. If `path` has folders train,
    val or test (with a subfolder `subset`, if any has it), they define the split.
    """

    size = 0  # nothing is downloaded

    def __init__(self, path: str | None, subset: str | None = None) -> None:
        self.path, self.subset = path, subset

    def fetch(self, folder: Path) -> list[Raw]:
        """Return the images at `path`, without copying. Raises AiwaveError if there is none."""
        if self.path is None:
            raise AiwaveError("There is nothing to prepare: add from=PATH, a file or folder of images.")
        path = user_path(self.path)
        try:
            found = list(self._images(path))
        except OSError as error:
            raise AiwaveError(f"{error.filename or path} cannot be read: {error.strerror}.") from error
        if not found:
            raise AiwaveError(f"{path} holds no image: give a file or folder of {KINDS} images.")
        return sorted(_named(path, found), key=lambda raw: raw.subject)

    def adopt(self, path: Path, folder: Path) -> list[Raw]:
        """Return the images in `path`."""
        return LocalFiles(str(path), self.subset).fetch(folder)

    def _images(self, path: Path) -> Iterator[tuple[str | None, Path]]:
        """Split and path of every image."""
        if not path.exists():
            raise AiwaveError(f"{path} does not exist: give the file or folder of the images as from=PATH.")
        given = [(split, path / split) for split in SPLITS if (path / split).is_dir()]
        if not given:
            yield from ((None, image) for image in _in(path))
        chosen = [(split, folder / (self.subset or ".")) for split, folder in given]
        if not any(folder.is_dir() for _, folder in chosen):
            chosen = given
        for split, folder in chosen:
            if folder.is_dir():
                yield from ((split, image) for image in _in(folder))


def _in(path: Path) -> list[Path]:
    """The images at `path`: `path` itself, or those directly in it."""
    if path.is_file() or is_volume_of_slices(path):
        return [path] if is_image(path) else []
    entries = (
        entry for entry in sorted(path.iterdir()) if not entry.name.startswith(".") and not is_second_half(entry)
    )
    return [entry for entry in entries if (entry.is_file() or holds_slices(entry)) and is_image(entry)]


def _named(root: Path, found: list[tuple[str | None, Path]]) -> Iterator[Raw]:
    """Name subjects after their files or, where that is not unique, after their relative paths."""
    names = Counter(stem_of(path) for _, path in found)
    for split, path in found:
        name = stem_of(path)
        if names[name] > 1:
            name = "_".join([*path.relative_to(root).parts[:-1], path.name if _twins(path, found) else name])
        yield Raw(name, path, split, str(path))


def _twins(path: Path, found: list[tuple[str | None, Path]]) -> bool:
    """True if another image beside it has the same name but for its suffix."""
    return sum(other.parent == path.parent and stem_of(other) == stem_of(path) for _, other in found) > 1
