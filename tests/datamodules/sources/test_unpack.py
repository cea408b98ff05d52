"""Archives: unpacked whole, only inside their folder, and once."""

import io
import random
import stat
import tarfile
import zipfile

import pytest

from aiwave.datamodules.sources.unpack import unpack
from aiwave.errors import AiwaveError
from tests.serving import tar_of, zip_of

FILES = {"A/one.txt": b"1" * 5000, "A/deep/two.bin": bytes(range(256)) * 40, "B/three": b""}
JUNK = {"A/._one.txt": b"fork", "__MACOSX/A/one.txt": b"fork"}
KINDS = {
    "data.tar": tar_of,
    "data.tar.gz": lambda files: tar_of(files, "w:gz"),
    "data.tgz": lambda files: tar_of(files, "w:gz"),
    "data.zip": zip_of,
}


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".unpacked.json"
    }


@pytest.fixture(params=KINDS)
def archive(request, tmp_path):
    path = tmp_path / request.param
    path.write_bytes(KINDS[request.param](FILES | JUNK))
    return path


def test_all_files_or_those_below_a_folder(archive, tmp_path):
    assert contents(unpack(archive, tmp_path / "all")) == FILES
    assert contents(unpack(archive, tmp_path / "some", "A/deep")) == {"A/deep/two.bin": FILES["A/deep/two.bin"]}
    with pytest.raises(AiwaveError, match="holds no file below A/dee"):
        unpack(archive, tmp_path / "none", "A/dee")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["all", "some", archive.name])


def test_it_is_unpacked_once(archive, tmp_path):
    folder = unpack(archive, tmp_path / "files")
    (folder / "A/one.txt").write_bytes(b"mine")
    assert contents(unpack(archive, folder)) == FILES | {"A/one.txt": b"mine"}
    with pytest.raises(AiwaveError, match=r"is not what .* unpacks to: move it away"):
        unpack(archive, folder, "A")


@pytest.mark.parametrize("name", KINDS)
def test_a_truncated_archive_is_refused_whole(name, tmp_path):
    whole = KINDS[name]({f"{k}.bin": random.Random(k).randbytes(3000) for k in range(9)})
    path = tmp_path / name
    for length in (len(whole) // 10, len(whole) // 2, 9 * (512 + 3072)):  # the last: between two members of a tar
        path.write_bytes(whole[: min(length, len(whole) - 20)])
        with pytest.raises(AiwaveError, match=rf"{name} is not a whole .* archive \(.*\): delete it"):
            unpack(path, tmp_path / "files")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"PK\x03\x04 no zip"])
def test_what_is_no_archive(content, tmp_path):
    path = tmp_path / "data.zip"
    path.write_bytes(content)
    with pytest.raises(AiwaveError, match="is not a whole"):
        unpack(path, tmp_path / "files")


def damaged_zip():
    whole = bytearray(zip_of(FILES, zipfile.ZIP_STORED))
    whole[whole.index(b"11111") + 9] = 0
    return whole


def damaged_gzip():
    whole = bytearray(KINDS["data.tgz"](FILES))
    whole[-8] ^= 1  # of its CRC
    return whole


@pytest.mark.parametrize("whole", [damaged_zip(), damaged_gzip()], ids=["zip", "gzip"])
def test_a_damaged_byte(whole, tmp_path):
    path = tmp_path / "data"
    path.write_bytes(whole)
    with pytest.raises(AiwaveError, match=r"is not a whole .* \(.*CRC.*\)"):
        unpack(path, tmp_path / "files")
    assert not (tmp_path / "files").exists()


@pytest.mark.parametrize(
    "name", ["../evil.txt", "A/../../evil.txt", "/tmp/evil.txt", "C:/evil.txt", "..\\evil.txt", "\\evil.txt"]
)
@pytest.mark.parametrize("kind", ["data.tar", "data.zip"])
def test_a_member_that_escapes_is_refused(kind, name, tmp_path):
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / kind
    path.write_bytes(KINDS[kind](FILES | {name: b"evil"}))
    with pytest.raises(AiwaveError, match=r"refused because its member .* would be written outside"):
        unpack(path, tmp_path / "in/files", "A")
    assert [other.name for other in tmp_path.rglob("*")] == ["in", kind]


@pytest.mark.parametrize("target", ["/etc", "../..", "one.txt"])
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_a_link_or_device_in_a_tar_is_refused(kind, target, tmp_path):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        link = tarfile.TarInfo("A/link")
        link.type, link.linkname = kind, target
        tar.addfile(link)
        info = tarfile.TarInfo("A/link/evil.txt")
        info.size = 4
        tar.addfile(info, io.BytesIO(b"evil"))
    (tmp_path / "data.tar").write_bytes(stream.getvalue())
    with pytest.raises(AiwaveError, match="'A/link' is a link or device"):
        unpack(tmp_path / "data.tar", tmp_path / "files")
    assert not (tmp_path / "files").exists()


def test_a_tar_cannot_set_permissions(tmp_path):
    with tarfile.open(tmp_path / "data.tar", "w") as tar:
        info = tarfile.TarInfo("A/tool")
        info.mode, info.size = 0o6777, 4
        tar.addfile(info, io.BytesIO(b"evil"))
    mode = stat.S_IMODE((unpack(tmp_path / "data.tar", tmp_path / "files") / "A/tool").stat().st_mode)
    assert mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IWGRP | stat.S_IWOTH) == 0
    assert mode & stat.S_IRUSR


def test_a_link_in_a_zip_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        link = zipfile.ZipInfo("A/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc")
    with pytest.raises(AiwaveError, match="'A/link' is a link or device"):
        unpack(tmp_path / "data.zip", tmp_path / "files")


def test_no_room(archive, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 10_000}))
    with pytest.raises(AiwaveError, match=r"is needed to unpack .* make room"):
        unpack(archive, tmp_path / "files")
    assert not (tmp_path / "files").exists()


def test_an_interrupted_extraction_leaves_nothing(archive, tmp_path, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("shutil.copyfileobj", interrupt)  # zipfile's
        patch.setattr("tarfile.copyfileobj", interrupt)
        with pytest.raises(KeyboardInterrupt):
            unpack(archive, tmp_path / "files")
    assert list(tmp_path.iterdir()) == [archive]
    assert contents(unpack(archive, tmp_path / "files")) == FILES
