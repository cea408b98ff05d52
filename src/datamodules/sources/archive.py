"""Public data sets that come as archives."""

from dataclasses import replace
from pathlib import Path, PurePosixPath

from ...errors import AiwaveError
from .download import Checksum, download
from .source import Raw, Source
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


class DecathlonTask(ArchiveSource):
    """The training images of a task, such as "Task09_Spleen"; labels and unlabelled images are left out.

    Address and MD5 are those of MONAI's `DecathlonDataset`, unless `url` and `checksum` are given. `size` is the size
    of the archive in bytes, or slightly more.
    """

    def __init__(self, task: str, url: str | None = None, checksum: str | None = None, size: int | None = None) -> None:
        if url is None:
            url, checksum = _address(task)
        super().__init__(url, f"{task}/imagesTr/{{subject}}.nii.gz", checksum, size)


def _address(task: str) -> tuple[str, str]:
    """Address and checksum of a task. Raises AiwaveError if there is no such task."""
    from monai.apps.datasets import DecathlonDataset

    known = DecathlonDataset.resource
    if task not in known:
        raise AiwaveError(f"source.fetch.task is {task!r}: choose one of {', '.join(sorted(known))}.")
    return known[task], f"md5:{DecathlonDataset.md5[task]}"


class ZenodoRecord(ArchiveSource):
    """The archive `file` of a Zenodo `record`.

    Args:
        record: Number of the record.
        file: Name of the archive in the record.
        images: Path pattern of its images; see `ArchiveSource`.
        checksum: The MD5 from the record's page, "md5:...".
        size: Size of the archive in bytes.
        base: Address of Zenodo's records.
    """

    def __init__(
        self,
        record: int,
        file: str,
        images: str,
        checksum: str | None,
        size: int | None = None,
        base: str = "https://zenodo.org/records",
    ) -> None:
        super().__init__(f"{base.rstrip('/')}/{record}/files/{file}", images, checksum, size)


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
