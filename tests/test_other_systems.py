"""Windows and macOS, as far as Linux can play them: without what only Linux has, and with what Windows forbids."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import textured

SOURCES = Path(__file__).resolve().parents[1] / "src"

WINDOWS = """
import builtins, fcntl, importlib.abc, os, shutil, signal, socket, subprocess, sys, tempfile, types
import asyncio, numpy, imagecodecs, tifffile, nibabel, tqdm  # these know on which system they are

names = "getuid getppid fchmod killpg sysconf sched_getaffinity O_NOFOLLOW O_DIRECTORY O_CLOEXEC O_NONBLOCK"
for name in names.split():
    delattr(os, name)
del signal.SIGKILL
shutil._use_fd_functions = False

class NoFcntl(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "fcntl":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, NoFcntl())
sys.modules["msvcrt"] = msvcrt = types.ModuleType("msvcrt")
msvcrt.LK_NBLCK = 2
flock, LOCK, BUSY = fcntl.flock, fcntl.LOCK_EX | fcntl.LOCK_NB, PermissionError(13, "Permission denied")
del sys.modules["fcntl"]

def locking(descriptor, mode, count):
    try:
        flock(descriptor, LOCK)
    except BlockingIOError:
        raise BUSY from None

msvcrt.locking = locking
opened, replaced, renamed, removed, synced = os.open, os.replace, os.rename, os.unlink, os.fsync

def is_open(path):
    links = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
    return os.path.abspath(path) in [os.readlink(link) for link in links if os.path.islink(link)]

def open_file(path, flags, *rest, **others):
    if os.path.isdir(path):
        raise PermissionError(13, "Permission denied", path)
    return opened(path, flags, *rest, **others)

def move(act, forbidden):
    def moved(old, new):
        if is_open(old):
            raise PermissionError(13, "The process cannot access the file because it is being used", str(old))
        if forbidden(new):
            raise FileExistsError(17, "Cannot create a file when that file already exists", str(new))
        act(old, new)
    return moved

def fsync(descriptor):
    if not os.readlink(f"/proc/self/fd/{descriptor}").startswith("/dev") and flags_of(descriptor) == 0:
        raise OSError(9, "Bad file descriptor")
    synced(descriptor)

def flags_of(descriptor):
    (line,) = [line for line in builtins.open(f"/proc/self/fdinfo/{descriptor}") if line.startswith("flags:")]
    return int(line.split()[1], 8) & 3

os.open, os.fsync = open_file, fsync
os.replace, os.rename = move(replaced, os.path.isdir), move(renamed, os.path.lexists)

platform, sys.platform = sys.platform, "win32"
import aiwave.locks
sys.platform = platform
aiwave.locks.sys = types.SimpleNamespace(platform="win32")
import aiwave.writing
assert not aiwave.writing.IS_WINDOWS
aiwave.writing.IS_WINDOWS = True
"""


def on_windows(folder, code, *arguments):
    """Run code where files behave as on Windows."""
    command = [sys.executable, "-c", f"{WINDOWS}\n{code}", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


CLI = "from aiwave.cli import main; sys.exit(main(sys.argv[1:]))"


def test_a_volume_is_compressed_on_windows(tmp_path):
    volume = textured((12, 14, 16), 0)
    np.save(tmp_path / "in.npy", volume)
    for command in (["compress", "in.npy", "v.aiw"], ["info", "v.aiw"], ["decompress", "v.aiw", "out.npy"]):
        done = on_windows(tmp_path, CLI, *command)
        assert done.returncode == 0, done.stderr
    assert np.array_equal(np.load(tmp_path / "out.npy"), volume)
    refused = on_windows(tmp_path, CLI, "compress", "in.npy", "v.aiw")
    assert refused.returncode == 1
    assert "already exists" in refused.stderr
    before = (tmp_path / "v.aiw").read_bytes()
    replaced = on_windows(tmp_path, CLI, "compress", "in.npy", "v.aiw", "--force")
    assert replaced.returncode == 0, replaced.stderr
    assert (tmp_path / "v.aiw").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"in.npy", "v.aiw", "out.npy"}


FILES = """
from pathlib import Path
from aiwave.errors import AiwaveError
from aiwave.writing import filling, replacing

def write(path, text, **options):
    with replacing(Path(path), **options) as temporary:
        temporary.write_text(text)

write("one", "1")
write("one", "2")
for options in ({"force": False}, {}):
    try:
        write("one", "3" if options else "", **options)
        raise SystemExit("written")
    except AiwaveError as error:
        print(error)
write("two", "2", force=False)
Path("there").mkdir()
for name in ("new", "there"):
    with filling(Path(name)) as temporary:
        (temporary / "part").write_text(name)
try:
    with filling(Path("full")) as temporary:
        (temporary / "part").write_text("x")
        Path("full").mkdir()
        Path("full/other").write_text("y")
    raise SystemExit("filled")
except AiwaveError as error:
    print(error)
Path(".aiwave-0123456789abcdef.tmp").write_text("left by a process that was killed")
os.utime(".aiwave-0123456789abcdef.tmp", (0, 0))
aiwave.writing._remove_abandoned.cache_clear()
write("three", "3")
"""


def test_files_appear_whole_on_windows(tmp_path):
    done = on_windows(tmp_path, FILES)
    assert done.returncode == 0, done.stderr
    sentences = done.stdout.splitlines()
    assert [re.sub(r".*(already exists|check the disk|full).*", r"\1", text) for text in sentences] == [
        "already exists",
        "check the disk",
        "full",
    ]
    found = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"one": "2", "two": "2", "three": "3", "new/part": "new", "there/part": "there", "full/other": "y"}


LOCKS = """
from pathlib import Path
from aiwave.errors import AiwaveError
from aiwave.runs.provenance import machine
from aiwave.runs.session import alone, is_held

assert machine()["memory_gib"] is None
assert not is_held(Path())
with alone(Path()):
    assert is_held(Path())
    try:
        with alone(Path()):
            raise SystemExit("two at once")
    except AiwaveError as error:
        print(error)
with alone(Path()):
    pass
"""


def test_runs_are_locked_on_windows(tmp_path):
    done = on_windows(tmp_path, LOCKS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Another process is training in .")


@pytest.mark.slow
def test_a_run_whose_processes_are_spawned(data_root, tmp_path):
    """As on Windows and macOS: what the loader's workers need is pickled."""
    code = (
        "import multiprocessing, sys\n"
        "if __name__ == '__main__':\n"
        "    multiprocessing.set_start_method('spawn')\n"
        "    from tests.short_runs import train\n"
        "    given = ['schedule=one_stage', 'epochs=1', 'logger=none', 'dataset.num_workers=2']\n"
        "    sys.exit(train(*sys.argv[1:3], *given, epochs=[]))\n"
    )
    (tmp_path / "spawned.py").write_text(code)
    command = [sys.executable, str(tmp_path / "spawned.py"), str(data_root), str(tmp_path / "run")]
    root = SOURCES.parent
    done = subprocess.run(command, cwd=root, env=os.environ | {"PYTHONPATH": str(root)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run/rd.csv").is_file()


def test_text_files_have_an_encoding():
    """Windows would use one of its own."""
    for path in SOURCES.rglob("*.py"):
        for call in [
            node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
        ]:
            name = getattr(call.func, "attr", "")
            given = {keyword.arg for keyword in call.keywords}
            is_text = name in ("read_text", "write_text") or (name in ("Popen", "run") and "text" in given)
            assert not is_text or "encoding" in given, f"{path}:{call.lineno}"


def test_dates_are_written_as_every_system_can():
    """`%-d` is glibc's."""
    for path in SOURCES.rglob("*.py"):
        assert not re.search(r"%-[A-Za-z]", path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8:strict"])
def test_any_name_can_be_printed(tmp_path, encoding):
    """Pipes of Windows are in cp1252, and names of Linux may be no text."""
    np.save(tmp_path / "in.npy", textured((8, 8, 8), 0))
    name = "日本.aiw" if encoding == "cp1252" else os.fsdecode(b"\xff.aiw")
    command = [sys.executable, "-m", "aiwave", "compress", "in.npy", name]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"\\u65e5\\u672c.aiw  " if encoding == "cp1252" else b"\\udcff.aiw  ")
    assert (tmp_path / name).is_file()


def test_only_some_files_know_the_system():
    """What differs between systems is in a few places, which the tests above play through."""
    words = r"\bfcntl\b|\bmsvcrt\b|os\.getuid|os\.killpg|os\.fork|O_NOFOLLOW|O_DIRECTORY|os\.sysconf|_winapi|SIGKILL"
    words += r"|\bimport resource\b"
    found = {str(path.relative_to(SOURCES)) for path in SOURCES.rglob("*.py") if re.search(words, path.read_text())}
    assert found == {"child_processes.py", "locks.py", "system.py", "writing.py", "runs/provenance.py"}
