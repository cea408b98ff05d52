"""Downloads, verified by checksum."""

import hashlib
import os
import re
import shutil
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ...errors import AiwaveError
from ...writing import is_own, replacing
from .transfer import BY_HAND, Patience, transfer

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
        temporary.write_text(f"{checksum.digest}  {path.name}\n", encoding="utf-8", newline="\n")


def recorded(path: Path) -> Checksum | None:
    """Return the SHA-256 stored beside a file when it was fetched; None if there is none."""
    try:
        digest = _record_of(path).read_text(encoding="utf-8").split()[0]
    except (OSError, UnicodeDecodeError, IndexError):
        return None
    return Checksum.parse(f"sha256:{digest}")


def _record_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def download(url: str, path: Path, checksum: Checksum | None = None, patience: Patience | None = None) -> Path:
    """Fetch `url` into the file `path`, unless it is already there with the right checksum, and return `path`.

    Bytes are collected in the folder `path`.part, which only this user can change; there a later call resumes, if the
    server can (HTTP Range) and the file is the same (If-Range). Without a published `checksum`, the SHA-256 of the
    first download is kept in `path`.sha256, and the file is checked against it from then on.

    Raises:
        AiwaveError: If `url` cannot be fetched, if the checksum is wrong, if `path` exists with another checksum, or if
            it cannot be written, because of something else at `path`.part, too.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _fetch(url, path, checksum, patience or Patience())
        elif (expected := checksum or recorded(path)) is None:
            record(path, Checksum.of(path))
        elif (found := Checksum.of(path, expected.algorithm)) != expected:
            raise AiwaveError(f"{path} has the checksum {found} instead of {expected}: delete it to fetch it again.")
    except OSError as error:
        raise AiwaveError(f"Cannot write {path}: {error.strerror or error}.") from error
    return path


def _fetch(url: str, path: Path, checksum: Checksum | None, patience: Patience) -> None:
    """Complete the file in the folder `path`.part, which goes with it, check it, and only then rename it to `path`."""
    folder = _own_folder(path.with_name(f"{path.name}.part"))
    part = folder / "data"
    try:
        _collect(url, path, part, folder / "version", checksum, patience)
        os.replace(part, path)
    finally:
        if not part.exists():
            shutil.rmtree(folder)


def _collect(url: str, path: Path, part: Path, tag: Path, checksum: Checksum | None, patience: Patience) -> None:
    """Complete and check `part`, which is to become `path`."""
    if part.exists() and not tag.exists() and checksum is None:
        part.unlink()  # nothing would show whether the rest belongs to the same file
    resumed = part.exists()
    transfer(url, part, tag, patience)
    found = Checksum.of(part, checksum.algorithm if checksum else "sha256")
    if resumed and checksum and found != checksum:  # perhaps two versions in one file
        part.unlink()
        transfer(url, part, tag, patience)
        found = Checksum.of(part, checksum.algorithm)
    if checksum and found != checksum:
        size = part.stat().st_size
        part.unlink()
        raise AiwaveError(
            f"{url} gave {size} bytes with the checksum {found} instead of {checksum}: try again later, {BY_HAND}."
        )
    if checksum is None:
        record(path, found)


def _own_folder(folder: Path) -> Path:
    """Make `folder`, or take one that an earlier download left, and close it to other users.

    Raises AiwaveError if it is anything else, or holds links: what they lead to would be read and overwritten.
    """
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    about = folder.lstat()
    is_ours = stat.S_ISDIR(about.st_mode) and is_own(about)
    if is_ours:
        with suppress(OSError):  # a file system without permissions
            folder.chmod(0o700)
        inside = [entry.stat(follow_symlinks=False) for entry in os.scandir(folder)]
        is_ours = all(stat.S_ISREG(file.st_mode) and file.st_nlink == 1 for file in inside)
    if not is_ours:
        raise AiwaveError(f"{folder} was not left there by a download of yours: move it away and try again.")
    return folder
