"""Files are written in one place: complete and on the disk, or not at all."""

import errno
import fcntl
import os
import re
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import aiwave.writing as writing
from aiwave.cli import main
from aiwave.errors import AiwaveError, printable
from aiwave.images.image import Image
from aiwave.images.image_files import WRITERS, write_image
from aiwave.writing import StandardOutput, filling, replacing
from tests.files import noise

SOURCES = Path(writing.__file__).parent
VOLUME = noise((3, 4, 5))


@pytest.fixture(autouse=True)
def _forgetful():
    writing._remove_abandoned.cache_clear()


def write(path, text="new", **options):
    with replacing(path, **options) as temporary:
        temporary.write_text(text)


def test_of_several_at_once_exactly_one_takes_a_free_name(tmp_path):
    barrier, won, lost = threading.Barrier(8), [], []

    def work(k):
        try:
            with replacing(tmp_path / "x", force=False) as temporary:
                temporary.write_text(str(k))
                barrier.wait()
            won.append(k)
        except AiwaveError as error:
            lost.append(str(error))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(won) == 1
    assert lost == [f"{tmp_path / 'x'} already exists: choose another name, or --force to replace it."] * 7
    assert (tmp_path / "x").read_text() == str(won[0])
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_without_links_a_name_is_taken_as_exclusively(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    write(tmp_path / "x", force=False)
    with pytest.raises(AiwaveError, match="already exists"):
        write(tmp_path / "x", "other", force=False)
    assert (tmp_path / "x").read_text() == "new"


def test_two_folders_at_once_are_not_mixed(tmp_path):
    def fill(name, meanwhile=lambda: None):
        with filling(tmp_path / "d") as folder:
            (folder / name).write_text(name)
            meanwhile()

    with pytest.raises(AiwaveError, match="Cannot write"):
        fill("1", lambda: fill("2"))
    assert [path.name for path in tmp_path.rglob("*")] == ["d", "2"]


def test_a_planted_link_is_not_followed(tmp_path, monkeypatch):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    monkeypatch.setattr(writing.secrets, "token_hex", lambda size: "0" * 2 * size)
    (tmp_path / f".aiwave-{'0' * 16}.tmp").symlink_to(victim)
    with pytest.raises(AiwaveError, match="Cannot write"):
        write(tmp_path / "x")
    assert victim.read_text() == "precious"
    assert not (tmp_path / "x").exists()
    monkeypatch.undo()
    names = set()
    for _ in range(20):
        with replacing(tmp_path / "x") as temporary:
            temporary.write_text("x")
            names.add(temporary.name)
    assert len(names) == 20


def test_force_replaces_what_a_link_points_to_and_tables_never_do(tmp_path):
    (tmp_path / "there").mkdir()
    target = tmp_path / "there" / "target"
    target.write_text("old")
    target.chmod(0o600)
    (tmp_path / "link").symlink_to(target)
    write(tmp_path / "link", through_links=True)
    assert (tmp_path / "link").is_symlink()
    assert (target.read_text(), stat.S_IMODE(target.stat().st_mode)) == ("new", 0o600)
    write(tmp_path / "link", "table")  # in a stranger's folder it may point anywhere
    assert not (tmp_path / "link").is_symlink()
    assert target.read_text() == "new"
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(AiwaveError, match="already exists"):
        write(tmp_path / "dangling", force=False, through_links=True)
    write(tmp_path / "dangling", through_links=True)
    assert (tmp_path / "nowhere").read_text() == "new"


def test_the_content_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(os, "fsync", lambda fd, do=os.fsync: (done.append(stat.S_IFMT(os.fstat(fd).st_mode)), do(fd)))
    monkeypatch.setattr(os, "replace", lambda a, b, do=os.replace: (done.append("rename"), do(a, b)))
    write(tmp_path / "x")
    assert done == [stat.S_IFREG, "rename", stat.S_IFDIR]


def test_what_a_killed_process_left_goes_and_nothing_else(tmp_path):
    def left(name, age=3600, make=Path.touch):
        make(tmp_path / name)
        os.utime(tmp_path / name, (time.time() - age,) * 2, follow_symlinks=False)

    a, b, c, d, e = (f".aiwave-{letter * 16}.tmp" for letter in "abcde")
    left(a)
    left(b, age=1)
    left(c)
    left(d, make=lambda path: path.symlink_to(tmp_path / "kept"))
    left(e, make=Path.mkdir)
    left("kept")
    left(".kept.1234.tmp")
    with (tmp_path / c).open() as busy:
        fcntl.flock(busy, fcntl.LOCK_SH)
        write(tmp_path / "x")
    assert {path.name for path in tmp_path.iterdir()} == {b, c, d, "kept", ".kept.1234.tmp", "x"}


def test_a_killed_writer_leaves_the_old_file_and_the_next_one_tidies_up(tmp_path):
    code = (
        "import os, sys, pathlib\nfrom aiwave.writing import replacing\n"
        "with replacing(pathlib.Path(sys.argv[1])) as temporary:\n temporary.write_text('half')\n"
        " os.kill(os.getpid(), 9)"
    )
    (tmp_path / "x").write_text("old")
    assert subprocess.run([sys.executable, "-c", code, tmp_path / "x"], check=False).returncode == -9
    (half,) = tmp_path.glob(".aiwave-*.tmp")
    assert (tmp_path / "x").read_text() == "old"
    os.utime(half, (0, 0))
    write(tmp_path / "x")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
@pytest.mark.parametrize("suffix", WRITERS)
def test_errors_that_only_the_disk_knows_of_are_noticed(suffix, number, tmp_path, monkeypatch):
    path = tmp_path / f"x{suffix}"
    path.write_text("old")

    def full(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AiwaveError, match=rf"^Cannot write .*x{suffix}: {os.strerror(number)}\.$"):
        write_image(Image(VOLUME), str(path))
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [(path.name, "old")]


def test_an_empty_file_is_no_result(tmp_path):
    with pytest.raises(AiwaveError, match="not all of it arrived"), replacing(tmp_path / "x"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_folders_and_devices_are_not_replaced(tmp_path):
    (tmp_path / "d").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name, words in (("d", "is a folder"), ("pipe", "is no file")):
        with pytest.raises(AiwaveError, match=words):
            write(tmp_path / name)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


OWN_PLACE = {
    "conversion/image_source.py",  # into an open temporary file
    "conversion/journal.py",  # the lock
    "datamodules/caching.py",  # into memory
    "datamodules/sources/transfer.py",  # downloads that are resumed, renamed by `download`
    "evaluation/anchors/hm.py",  # into folders that are thrown away
    "evaluation/anchors/jp3d.py",
    "evaluation/anchors/program.py",
    "report/slices.py",  # into an open temporary file
    "runs/session.py",  # the log, which grows, and the lock
    "tracking/mlflow_tracker.py",  # into folders that are thrown away
}
"""Files that write elsewhere, besides the writers of images, which are given a temporary file."""


def test_every_file_is_written_through_one_place():
    calls = r"\.write_text\(|\.write_bytes\(|open\([^)]*\"[wax]b?\"|copyfile\(|savefig\(|imwrite\(|np\.save|dcmwrite\("
    found = {}
    for path in SOURCES.rglob("*.py"):
        for line in path.read_text().splitlines():
            if re.search(calls, line) and "temporary" not in line:
                found.setdefault(str(path.relative_to(SOURCES)), []).append(line.strip())
    images = {name for name in found if name.startswith("images/")}
    assert set(found) - images <= OWN_PLACE, found


@pytest.mark.parametrize("command", ["info", "compress", "decompress", "models", "help"])
def test_a_full_standard_output_is_one_sentence(command, tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 4, 4), "uint8"))
    assert main(["compress", str(tmp_path / "a.npy"), str(tmp_path / "a.aiw"), "--quiet"]) == 0
    source = str(tmp_path / ("a.npy" if command == "compress" else "a.aiw"))
    rest = {"models": ["list"], "help": [], "info": [source]}.get(command, [source, "-", "--quiet"])
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "aiwave", command, *rest],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert re.fullmatch(
        r"aiwave: Cannot write (the output|to standard output): No space left on device\.\n", done.stderr
    )


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_pipe_that_is_closed_early_ends_quietly(tmp_path, unbuffered):
    np.save(tmp_path / "a.npy", np.zeros((200, 200, 200), "uint8"))
    assert main(["compress", str(tmp_path / "a.npy"), str(tmp_path / "a.aiw"), "--quiet"]) == 0
    command = [sys.executable, "-m", "aiwave", "decompress", tmp_path / "a.aiw", "-"]
    variables = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=variables) as process:
        assert len(process.stdout.read(1000)) == 1000  # of the voxels: the writer waits, with a part of them written
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


class Raw:
    """Standard output as PYTHONUNBUFFERED leaves it: a call takes a part of what it is given."""

    def __init__(self, capacity):
        self.capacity, self.taken = capacity, b""
        self.buffer = self

    def write(self, data):
        part = bytes(data[: min(3, self.capacity)])
        if not part:
            return None
        self.capacity, self.taken = self.capacity - len(part), self.taken + part
        return len(part)

    def flush(self):
        pass


def test_standard_output_takes_everything_or_says_so(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Raw(100))
    assert StandardOutput().write(b"0123456789") == 10
    assert StandardOutput().write(np.arange(4, dtype="uint16").data) == 8
    assert StandardOutput().write(b"") == 0
    assert sys.stdout.taken == b"0123456789" + bytes([0, 0, 1, 0, 2, 0, 3, 0])
    monkeypatch.setattr(sys, "stdout", Raw(5))
    with pytest.raises(AiwaveError, match="Cannot write to standard output: Resource temporarily unavailable"):
        StandardOutput().write(b"0123456789")


def test_a_closed_standard_output_is_one_sentence(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(AiwaveError, match="Standard output is closed"):
        StandardOutput().write(b"x")


def test_messages_and_metadata_cannot_steer_a_terminal(tmp_path, capsys):
    from aiwave.api import compress

    nasty = "\x1b]0;owned\x07\x1b[31m\nfaked: line\r\u202e\x9b"
    data = compress(
        np.zeros((4, 4, 4), "uint8"), lossless=True, metadata={nasty: nasty, "model": nasty, "long": "x" * 10**5}
    )
    (tmp_path / "a.aiw").write_bytes(data)
    assert main(["info", str(tmp_path / "a.aiw")]) == 0
    shown = capsys.readouterr().out
    assert all(line.isprintable() for line in shown.split("\n"))
    assert not any(line.startswith("faked") for line in shown.split("\n"))
    assert len(shown) < 2000
    assert main(["info", str(tmp_path / nasty)]) == 1
    said = capsys.readouterr().err
    assert said.rstrip("\n").isprintable()
    assert printable("a" * 10**6).count("a") == 2000


def test_a_stream_does_not_get_the_name_of_an_image(tmp_path, capsys):
    np.save(tmp_path / "a.npy", VOLUME)
    for name in ("b.nii.gz", "b.TIF", "b.npy"):
        assert main(["compress", str(tmp_path / "a.npy"), str(tmp_path / name)]) == 1
        assert "is the name of an image" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]
