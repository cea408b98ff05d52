"""The compiled core in programs of its own: every instruction set, and 64-bit ARM, decode alike."""

import shutil
import subprocess
from pathlib import Path

import pytest

from aiwave.coding.core import compiled_core

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(str(path) for path in (ROOT / "src/native").glob("*.cpp") if not path.name.endswith("module.cpp"))
FLAGS = ["-std=c++17", "-O2", "-ffp-contract=off", "-pthread", "-static", f"-I{ROOT / 'src/native'}"]
PARTS, INPUTS = ("decoder", "voxels"), "300"


def built(compiler, folder):
    """Programs that decode what the fuzzers of bands and of voxels are given."""
    folder.mkdir()
    native = ROOT / "tests/native"
    subprocess.run([compiler, *FLAGS, "-c", str(native / "replay.cpp"), *SOURCES], check=True, cwd=folder)
    objects = [str(path) for path in folder.glob("*.o")]
    for part in PARTS:
        command = [compiler, *FLAGS, str(native / f"fuzz_{part}.cpp"), *objects, "-o", str(folder / part)]
        subprocess.run(command, check=True)
    return folder


def digests(command, programs, simd):
    calls = ([*command, str(programs / part), simd, INPUTS] for part in PARTS)
    return tuple(subprocess.run(call, check=True, capture_output=True, text=True).stdout for call in calls)


@pytest.mark.slow
@pytest.mark.skipif(compiled_core() is None or shutil.which("g++") is None, reason="needs g++")
def test_all_processors_decode_alike(tmp_path):
    programs = built("g++", tmp_path / "here")
    found = {simd: digests([], programs, simd) for simd in compiled_core().simd_levels()}
    if shutil.which("aarch64-linux-gnu-g++") and shutil.which("qemu-aarch64"):
        arm = built("aarch64-linux-gnu-g++", tmp_path / "arm")
        found["arm"] = digests(["qemu-aarch64"], arm, "plain")
    assert len(set(found.values())) == 1, found
    assert len(found) > 1
