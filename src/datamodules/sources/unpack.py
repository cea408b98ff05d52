"""Unpacking of archives: completely or not at all, and never outside the folder."""

import gzip
import json
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from ...errors import AiwaveError
from ...system import check_free_space
from ...writing import filling

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".zip")

NOTE = ".unpacked.json"  # inside an unpacked folder: which archive it was

DAMAGES = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, ValueError, RuntimeError)


def is_archive(path: Path) -> bool:
    """Tell whether `path` is a file that `unpack` takes, by its name."""
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


def unpack(archive: Path, folder: Path, below: str = "") -> Path:
    """Extract the members of a .tar, .tar.gz or .zip file below its folder `below` into `folder`; return `folder`.

    Resource forks of macOS (`._name`, `__MACOSX/`) are left out. The folder takes its name when it is complete;
    a folder that was unpacked from an archive of the same name and size, with the same `below`, is left unchanged.

    Raises:
        AiwaveError: If the archive is damaged, cut short or not an archive; if a member, wanted or not, would land
            outside `folder` or is a link; if nothing is below `below`; if the disk is full.
    """
    origin = {"archive": archive.name, "bytes": archive.stat().st_size, "below": below}
    if unpacked_from(folder) == origin:
        return folder
    if folder.exists():
        raise AiwaveError(f"{folder} is not what {archive} unpacks to: move it away and run the command again.")
    with filling(folder) as temporary:
        try:
            with _open(archive) as members:
                _extract(archive, members, temporary, below)
            (temporary / NOTE).write_text(json.dumps(origin), encoding="utf-8")
        except OSError as error:
            raise AiwaveError(f"Cannot unpack {archive} into {folder}: {error.strerror or error}.") from error
    return folder


def unpacked_from(folder: Path) -> dict[str, Any] | None:
    """Return what `unpack` noted in `folder`: `archive` (its name), `bytes` and `below`; None without a note."""
    try:
        noted = json.loads((folder / NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return noted if isinstance(noted, dict) else None


@dataclass(frozen=True)
class _Member:
    """A file in an archive; `link` also for devices and whatever else is not a file."""

    name: str
    size: int
    link: bool
    extract: Callable[[Path], object]  # into a folder


@contextmanager
def _open(archive: Path) -> Iterator[list[_Member]]:
    """List the files in the archive; every damage while it is open is one AiwaveError."""
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                yield [_zip_member(opened, info) for info in opened.infolist() if not info.is_dir()]
        else:
            with tarfile.open(archive) as tar:
                members = [_tar_member(tar, info) for info in tar.getmembers() if not info.isdir()]
                _check_end(archive, tar)
                yield members
    except DAMAGES as error:
        why = (str(error) or type(error).__name__).splitlines()[0].rstrip(".:")
        raise AiwaveError(
            f"{archive} is not a whole .tar, .tar.gz or .zip archive ({why}): delete it and fetch it again."
        ) from error


def _zip_member(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    link = stat.S_ISLNK(info.external_attr >> 16)
    return _Member(info.filename, info.file_size, link, lambda folder: opened.extract(info, folder))


def _tar_member(tar: tarfile.TarFile, info: tarfile.TarInfo) -> _Member:
    return _Member(info.name, info.size, not info.isfile(), lambda folder: tar.extract(info, folder, filter="data"))


def _check_end(archive: Path, tar: tarfile.TarFile) -> None:
    """Raise EOFError if the archive was cut between two members, or in what gzip adds to them."""
    if isinstance(tar.fileobj, BufferedReader) and archive.stat().st_size <= tar.offset:
        raise EOFError("its end is missing")
    while tar.fileobj is not None and tar.fileobj.read(1 << 20):
        pass  # gzip checks itself when it has come to its end


def _extract(archive: Path, members: list[_Member], folder: Path, below: str) -> None:
    """Write the wanted members into `folder`, after all of them were checked."""
    for member in members:
        _check_inside(archive, member)
    wanted = [member for member in members if _is_wanted(PurePosixPath(member.name), PurePosixPath(below))]
    if not wanted:
        raise AiwaveError(f"{archive} holds no file below {below or 'its root'}: is it the archive that was meant?")
    folder.mkdir(parents=True, exist_ok=True)
    check_free_space(folder, sum(member.size for member in wanted), f"unpack {archive}")
    for member in wanted:
        member.extract(folder)


def _check_inside(archive: Path, member: _Member) -> None:
    """Refuse links, absolute names, names with a drive and names that climb out with `..`.

    The libraries let links within the folder pass, and write what has such a name elsewhere inside it.
    """
    windows = PureWindowsPath(member.name)  # also knows / as separator
    escapes = windows.drive or windows.root or ".." in windows.parts or "\0" in member.name
    if escapes or member.link:
        what = "is a link or device" if member.link and not escapes else "would be written outside the folder"
        raise AiwaveError(f"{archive} is refused because its member {member.name!r} {what}: get it from another place.")


def _is_wanted(name: PurePosixPath, below: PurePosixPath) -> bool:
    return name.is_relative_to(below) and not name.name.startswith("._") and "__MACOSX" not in name.parts
