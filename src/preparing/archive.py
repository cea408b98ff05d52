"""Sources that publish their images as one archive."""

from pathlib import Path, PurePosixPath

from ..errors import AiwaveError
from .checksum import Checksum
from .download import download
from .raw import Raw, Source
from .unpack import is_archive, unpack, unpacked_from

SUBJECT = "{subject}"


class ArchiveSource(Source):
    """An archive at `url` that holds one image per subject.

    Args:
        url: Address of a .tar, .tar.gz or .zip file.
        images: Path pattern of its images, such as "Task09_Spleen/imagesTr/{subject}.nii.gz" for files or
            "Train_Sets/CT/{subject}/DICOM_anon" for folders; {subject} stands for (part of) one name.
        checksum: The published one, "md5:..."; null if there is none: then that of the first download is kept.
        size: Size of the archive in bytes, or slightly more; null if unknown.
    """

    def __init__(self, url: str, images: str, checksum: str | None = None, size: int | None = None) -> None:
        if images.count(SUBJECT) != 1:
            raise AiwaveError(f"source.fetch.images is {images!r}: write {SUBJECT} in it where names differ.")
        self.url, self.images, self.size = url, images, size
        self.checksum = Checksum.parse(checksum) if checksum else None

    def fetch(self, folder: Path) -> list[Raw]:
        """Download, verify and unpack the archive into `folder`, skipping finished steps."""
        archive, unpacked = folder / self._name, folder / f"{self._name}.files"
        noted = unpacked_from(unpacked)
        if archive.exists() or noted is None or noted["archive"] != archive.name:  # else only the archive was deleted
            unpack(download(self.url, archive, self.checksum), unpacked, self._below)
        return self._raws(unpacked, self.url)

    def adopt(self, path: Path, folder: Path) -> list[Raw]:
        """Use the archive, or its unpacked folder, at `path`; other files are handled as by any source."""
        if is_archive(path):
            return self._raws(unpack(path, folder / f"{path.name}.files", self._below), str(path))
        return self._found(path, str(path)) or super().adopt(path, folder)

    @property
    def _name(self) -> str:
        return PurePosixPath(self.url.split("?")[0]).name or "archive"

    @property
    def _below(self) -> str:
        """The folder in the archive that contains all images."""
        parts = PurePosixPath(self.images).parts
        return "/".join(parts[: next(i for i, part in enumerate(parts) if SUBJECT in part)])

    def _raws(self, root: Path, origin: str) -> list[Raw]:
        """The images below `root`. Raises AiwaveError if there is none."""
        if not (raws := self._found(root, origin)):
            raise AiwaveError(f"{origin} holds no {self.images}: check whether its layout has changed.")
        return raws

    def _found(self, root: Path, origin: str) -> list[Raw]:
        """The images below `root`, which may also be an intermediate folder of their path."""
        parts = PurePosixPath(self.images).parts
        for skipped in range(len(PurePosixPath(self._below).parts) + 1):
            pattern = "/".join(parts[skipped:])
            before, after = pattern.split(SUBJECT)
            paths = [path for path in root.glob(pattern.replace(SUBJECT, "*")) if not path.name.startswith("._")]
            if paths:
                names = [path.relative_to(root).as_posix() for path in paths]
                subjects = [name[len(before) : len(name) - len(after)] for name in names]
                raws = zip(subjects, paths, names, strict=True)
                return sorted((Raw(s, p, None, f"{origin}#{n}") for s, p, n in raws), key=lambda raw: raw.subject)
        return []
