"""Tasks of the Medical Segmentation Decathlon."""

from ..errors import AiwaveError
from .archive import ArchiveSource


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
