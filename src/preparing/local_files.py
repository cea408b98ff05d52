"""A user's own images."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ..datamodules.entry import SPLITS
from ..errors import AiwaveError
from . import read_dicom, read_tiff
from .raw import Raw, Source
from .readers import KINDS, reads

ENDINGS = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".hdr", ".tiff", ".tif", ".npy", ".dcm")


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
        path = Path(self.path).expanduser()
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
    if path.is_file() or _is_one_volume(path):
        return [path] if reads(path) else []
    entries = (entry for entry in sorted(path.iterdir()) if not entry.name.startswith("."))
    return [entry for entry in entries if (entry.is_file() or _has_slices(entry)) and reads(entry)]


def _is_one_volume(folder: Path) -> bool:
    """True if the files of the folder itself, not of its subfolders, are the slices of one subject."""
    return any(read_dicom.takes(file) for file in sorted(folder.iterdir()) if file.is_file()) or _has_tiff_slices(
        folder
    )


def _has_slices(folder: Path) -> bool:
    return _has_tiff_slices(folder) or read_dicom.takes(folder)


def _has_tiff_slices(folder: Path) -> bool:
    """True if the folder has several TIFF files and the first has a single page."""
    from ..datamodules.tiff_reader import tiff_header

    files = read_tiff.slices(folder)
    return len(files) > 1 and tiff_header(files[0]).shape[0] == 1


def _named(root: Path, found: list[tuple[str | None, Path]]) -> Iterator[Raw]:
    """Name subjects after their files or, where that is not unique, after their relative paths."""
    names = Counter(_stem(path) for _, path in found)
    for split, path in found:
        name = _stem(path)
        if names[name] > 1:
            name = "_".join([*path.relative_to(root).parts[:-1], path.name if _twins(path, found) else name])
        yield Raw(name, path, split, str(path))


def _twins(path: Path, found: list[tuple[str | None, Path]]) -> bool:
    """True if another image beside it has the same name but for its suffix."""
    return sum(other.parent == path.parent and _stem(other) == _stem(path) for _, other in found) > 1


def _stem(path: Path) -> str:
    ending = next((end for end in ENDINGS if path.name.lower().endswith(end)), "") if path.is_file() else ""
    return path.name[: len(path.name) - len(ending)]
