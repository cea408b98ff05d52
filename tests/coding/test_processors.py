"""The compiled core in programs of its own: every instruction set, and 64-bit ARM, decode alike."""

import shutil
import subprocess
from pathlib import Path

import pytest

from aiwave.coding.core import compiled_core

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(str(path) for path in (ROOT / "src/native").glob("*.cpp") if not path.name.endswith("module.cpp"))
FLAGS = ["-std=c++17", "-O2", "-ffp-contract=off", "-pthread", "-static", f"-I{ROOT / 'src/native'}"]
INPUTS = "300"


def built(compiler, folder):
    program = folder / "replay"
    tests = [str(ROOT / "tests/native" / name) for name in ("replay.cpp", "fuzz_decoder.cpp")]
    subprocess.run([compiler, *FLAGS, *tests, *SOURCES, "-o", str(program)], check=True)
    return str(program)


def digest(command, simd):
    return subprocess.run([*command, simd, INPUTS], check=True, capture_output=True, text=True).stdout


@pytest.mark.slow
@pytest.mark.skipif(compiled_core() is None or shutil.which("g++") is None, reason="needs g++")
def test_all_processors_decode_alike(tmp_path):
    program = built("g++", tmp_path)
    digests = {simd: digest([program], simd) for simd in compiled_core().simd_levels()}
    if shutil.which("aarch64-linux-gnu-g++") and shutil.which("qemu-aarch64"):
        (tmp_path / "arm").mkdir()
        digests["arm"] = digest(["qemu-aarch64", built("aarch64-linux-gnu-g++", tmp_path / "arm")], "plain")
    assert len(set(digests.values())) == 1, digests
    assert len(digests) > 1
