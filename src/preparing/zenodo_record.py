"""Archives on Zenodo."""

from .archive import ArchiveSource


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
