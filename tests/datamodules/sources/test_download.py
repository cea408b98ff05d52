"""Downloads: whole, cut, resumed, refused, checked."""

import hashlib
import random

import pytest

from aiwave.datamodules.sources import transfer
from aiwave.datamodules.sources.download import Checksum, download
from aiwave.datamodules.sources.transfer import Patience
from aiwave.errors import AiwaveError
from tests.serving import QUICK, md5_of

CONTENT = random.Random(1).randbytes(300_000)
MD5 = Checksum.parse(md5_of(CONTENT))


@pytest.fixture
def site(server):
    server.files["/data.tar"] = CONTENT
    return server


def ranges(site):
    return [wanted for _, wanted in site.asked]


def fetch(site, path, checksum=MD5):
    return download(f"{site.url}/data.tar", path, checksum, QUICK)


def begun(path, content):
    """Leave what an interrupted download leaves."""
    part = path.with_name(f"{path.name}.part")
    part.mkdir()
    (part / "data").write_bytes(content)


def leftovers(path):
    return sorted(other.name for other in path.parent.iterdir() if other != path)


def test_a_file_arrives_once(site, tmp_path):
    path = tmp_path / "deep/data.tar"
    assert fetch(site, path) == path
    assert path.read_bytes() == CONTENT
    assert leftovers(path) == []
    fetch(site, path)
    assert len(site.asked) == 1


def test_without_a_published_checksum_the_first_download_counts(site, tmp_path):
    path = fetch(site, tmp_path / "data.tar", None)
    assert (tmp_path / "data.tar.sha256").read_text() == f"{hashlib.sha256(CONTENT).hexdigest()}  data.tar\n"
    fetch(site, path, None)
    assert len(site.asked) == 1
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(AiwaveError, match=r"data\.tar has the checksum sha256:.* delete it"):
        fetch(site, path, None)


def test_a_file_put_there_by_hand_is_taken_if_its_checksum_is_right(site, tmp_path):
    path = tmp_path / "data.tar"
    path.write_bytes(CONTENT)
    fetch(site, path)
    fetch(site, path, None)
    assert site.asked == []
    path.write_bytes(b"something else")
    with pytest.raises(AiwaveError, match="delete it to fetch it again"):
        fetch(site, path)
    assert path.read_bytes() == b"something else"


@pytest.mark.parametrize("etag", ['"one"', None])
def test_a_cut_connection_is_resumed_where_it_broke(site, tmp_path, etag):
    site.cuts, site.etag = [100_000, 50_000, 50_000], etag
    assert fetch(site, tmp_path / "data.tar").read_bytes() == CONTENT
    assert ranges(site) == [None, "bytes=100000-", "bytes=150000-", "bytes=200000-"]


def test_a_server_without_ranges_starts_over(site, tmp_path):
    site.cuts, site.ranges = [100_000, 200_000], False
    assert fetch(site, tmp_path / "data.tar").read_bytes() == CONTENT
    assert ranges(site) == [None, "bytes=100000-", "bytes=200000-"]


def test_what_was_fetched_stays_for_the_next_run(site, tmp_path):
    path = tmp_path / "data.tar"
    site.cuts, site.ranges, site.etag = [100_000] * 3, False, '"one"'
    with pytest.raises(AiwaveError, match=r"continues from 100000 bytes, or download it by hand .* from=FILE"):
        fetch(site, path)
    assert not path.exists()
    site.ranges = True
    fetch(site, path)
    assert path.read_bytes() == CONTENT
    assert ranges(site)[-1] == "bytes=100000-"
    assert leftovers(path) == []


def test_the_rest_of_another_version_is_not_appended(site, tmp_path):
    """With an ETag the server sends the new file whole; without, and without a checksum, nothing is resumed."""
    new = CONTENT[::-1]
    for etag, after in (('"one"', '"two"'), (None, None)):
        path = tmp_path / f"{etag is None}/data.tar"
        site.files["/data.tar"], site.etag, site.cuts, site.status = CONTENT, etag, [100_000], [200, 503, 503, 503]
        with pytest.raises(AiwaveError, match="HTTP 503"):
            fetch(site, path, None)
        site.files["/data.tar"], site.etag = new, after
        assert fetch(site, path, None).read_bytes() == new


def test_a_mixture_of_two_versions_is_noticed_by_its_checksum(site, tmp_path):
    path = tmp_path / "data.tar"
    begun(path, CONTENT[::-1][:100_000])
    assert fetch(site, path).read_bytes() == CONTENT
    assert ranges(site) == ["bytes=100000-", None]


@pytest.mark.parametrize("extra", [0, 10])
def test_a_part_that_is_complete_or_too_long(site, tmp_path, extra):
    path = tmp_path / "data.tar"
    begun(path, CONTENT + bytes(extra))
    assert fetch(site, path).read_bytes() == CONTENT


def plant_link(part, victim):
    part.mkdir()
    (part / "data").symlink_to(victim)


def plant_hard_link(part, victim):
    part.mkdir()
    (part / "version").hardlink_to(victim)


def plant_folder_link(part, victim):
    (victim.parent / "elsewhere").mkdir()
    part.symlink_to(victim.parent / "elsewhere")


def plant_file(part, victim):
    part.write_bytes(CONTENT[:1000])


@pytest.mark.parametrize("checksum", [MD5, None])
@pytest.mark.parametrize("plant", [plant_link, plant_hard_link, plant_folder_link, plant_file])
def test_what_others_put_where_bytes_are_collected_is_neither_followed_nor_overwritten(plant, checksum, site, tmp_path):
    path, victim = tmp_path / "root/data.tar", tmp_path / "victim"
    path.parent.mkdir()
    victim.write_bytes(CONTENT[:1000])
    part = path.parent / "data.tar.part"
    plant(part, victim)
    with pytest.raises(AiwaveError, match=r"data\.tar\.part was not left there by a download of yours: move it away"):
        fetch(site, path, checksum)
    assert victim.read_bytes() == CONTENT[:1000]
    assert not path.exists()
    assert site.asked == []
    part.rename(tmp_path / "away")
    assert fetch(site, path, checksum).read_bytes() == CONTENT


def test_nobody_else_can_reach_the_bytes_that_are_collected(site, tmp_path):
    path = tmp_path / "data.tar"
    begun(path, CONTENT[:1000])
    (tmp_path / "data.tar.part").chmod(0o777)
    site.status = [404]
    with pytest.raises(AiwaveError, match="HTTP 404"):
        fetch(site, path)
    assert (tmp_path / "data.tar.part").stat().st_mode & 0o777 == 0o700
    fetch(site, path)
    assert ranges(site)[-1] == "bytes=1000-"


def test_a_wrong_checksum_leaves_nothing_behind(site, tmp_path):
    wrong, site.etag = Checksum.parse(md5_of(b"other")), '"one"'
    with pytest.raises(AiwaveError) as caught:
        fetch(site, tmp_path / "data.tar", wrong)
    for word in (f"{site.url}/data.tar", "300000 bytes", str(MD5), str(wrong), "from=FILE"):
        assert word in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_what_a_server_may_answer(site, tmp_path):
    path = tmp_path / "data.tar"
    for status in (404, 403, 410):
        site.status = [status]
        with pytest.raises(AiwaveError, match=rf"{site.url}/data.tar could not be fetched \(HTTP {status} .*from=FILE"):
            fetch(site, path)
    assert len(site.asked) == 3
    assert list(tmp_path.iterdir()) == []
    site.status = [503, 429]
    assert fetch(site, path).read_bytes() == CONTENT


def test_nobody_answers(site, tmp_path):
    site.server_close()
    with pytest.raises(AiwaveError, match=r"cannot be fetched \(.*[Cc]onnection refused.*\): check the connection"):
        fetch(site, tmp_path / "data.tar")
    with pytest.raises(AiwaveError, match=r"cannot be fetched: .*No connection adapters"):
        download("ftp://127.0.0.1/data.tar", tmp_path / "data.tar", None, QUICK)


def test_an_answer_takes_too_long(site, tmp_path, monkeypatch):
    monkeypatch.setattr(type(site), "finish_request", lambda *args: __import__("time").sleep(0.5))
    with pytest.raises(AiwaveError, match=r"no answer within 0\.05 s"):
        download(f"{site.url}/data.tar", tmp_path / "data.tar", None, Patience(0.05, 2, 0.001))


def test_no_room_and_no_permission(site, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 1000}))
    with pytest.raises(AiwaveError, match=r"disk of .* MB free, but .* is needed to fetch"):
        fetch(site, tmp_path / "data.tar")
    (tmp_path / "file").write_text("")
    with pytest.raises(AiwaveError, match=r"Cannot write .*file/data.tar"):
        fetch(site, tmp_path / "file/data.tar")


def test_pauses_grow_and_progress_starts_the_count_again(site, tmp_path, monkeypatch):
    pauses = []
    monkeypatch.setattr(transfer.time, "sleep", pauses.append)
    site.cuts, site.status = [100_000, 100_000], [200, 503, 200, 503]
    fetch(site, tmp_path / "data.tar")
    assert pauses == [0.001, 0.002, 0.001, 0.002]


@pytest.mark.parametrize("text", ["", "md5", "md5:12", "crc32:12345678", "sha256:" + 63 * "a" + "g", 32 * "a"])
def test_a_checksum_that_is_none(text):
    with pytest.raises(AiwaveError, match="is not a checksum"):
        Checksum.parse(text)
