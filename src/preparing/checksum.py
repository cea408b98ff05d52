"""Checksums of files: published ones, or those recorded when a file was fetched."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import AiwaveError
from ..system import replacing

DIGITS = {"md5": 32, "sha1": 40, "sha256": 64}


@dataclass(frozen=True)
class Checksum:
    """The hexadecimal `digest` of a file's bytes by `algorithm`: md5, sha1 or sha256."""

    algorithm: str
    digest: str

    @classmethod
    def parse(cls, text: str) -> "Checksum":
        """Read "md5:9d24...". Raises AiwaveError for anything else."""
        algorithm, _, digest = text.strip().lower().partition(":")
        if not re.fullmatch(rf"[0-9a-f]{{{DIGITS.get(algorithm, 0)}}}", digest) or not digest:
            raise AiwaveError(f"{text!r} is not a checksum: write md5:, sha1: or sha256: and its hexadecimal digits.")
        return cls(algorithm, digest)

    @classmethod
    def of(cls, path: Path, algorithm: str = "sha256") -> "Checksum":
        """Hash a file."""
        with path.open("rb") as file:
            return cls(algorithm, hashlib.file_digest(file, algorithm).hexdigest())

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.digest}"


def record(path: Path, checksum: Checksum) -> None:
    """Store a file's SHA-256 beside it, in the format of `sha256sum -c`."""
    with replacing(_record_of(path)) as temporary:
        temporary.write_text(f"{checksum.digest}  {path.name}\n")


def recorded(path: Path) -> Checksum | None:
    """Return the SHA-256 stored beside a file when it was fetched; None if there is none."""
    try:
        digest = _record_of(path).read_text().split()[0]
    except (OSError, UnicodeDecodeError, IndexError):
        return None
    return Checksum.parse(f"sha256:{digest}")


def _record_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")
