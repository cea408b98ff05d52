"""Archives that Zenodo keeps."""

from .archive import ArchiveSource


class ZenodoRecord(ArchiveSource):
    """The archive `file` of a Zenodo `record`.

    Args:
        record: Number of the record.
        file: Name of the archive in the record.
        images: Where its images are; see `ArchiveSource`.
        checksum: The MD5 that the record's page states, "md5:...".
        size: Bytes of the archive.
        base: Where records are served.
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
