"""Checkpoints survive full disks and tell of damage; a sweep survives being killed."""

import csv
import os
import signal
import subprocess
import sys
import time
import zipfile

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwave.cli import main
from aiwave.errors import AiwaveError
from aiwave.report.tables import read_rd_csv
from aiwave.training.checkpoints import AtomicCheckpointIO, read_checkpoint
from tests.short_runs import TINY

FULL_DISK = """
import resource, signal, sys, torch
from pathlib import Path
from aiwave.errors import AiwaveError
from aiwave.training.checkpoints import AtomicCheckpointIO
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    AtomicCheckpointIO().save_checkpoint({"state_dict": {"a": torch.zeros(100_000)}}, Path(sys.argv[1]))
except AiwaveError as error:
    print(error)
"""


def save(path, value=1.0):
    AtomicCheckpointIO().save_checkpoint({"state_dict": {"a": torch.full((50,), value)}}, path)
    return path


def test_a_sealed_checkpoint_is_an_ordinary_one(tmp_path):
    path = save(tmp_path / "a.ckpt")
    assert torch.equal(torch.load(path, weights_only=True)["state_dict"]["a"], torch.ones(50))
    assert zipfile.ZipFile(path).testzip() is None
    torch.save({"state_dict": {}}, tmp_path / "plain.ckpt")  # one that was never sealed is read, too
    assert read_checkpoint(tmp_path / "plain.ckpt") == {"state_dict": {}}


@settings(max_examples=60)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_flipped_bit_is_noticed(place, bit, tmp_path_factory):
    path = save(tmp_path_factory.mktemp("damaged") / "a.ckpt")
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 1 << bit
    path.write_bytes(data)
    with pytest.raises(AiwaveError, match=r"a\.ckpt is (damaged|not a readable)"):
        read_checkpoint(path)


def test_every_flipped_bit_of_the_end_is_noticed(tmp_path):
    """The last records of the archive, where readers of zip files follow what they find."""
    path = save(tmp_path / "a.ckpt")
    whole = path.read_bytes()
    for place in range(len(whole) - 250, len(whole)):
        for bit in range(8):
            data = bytearray(whole)
            data[place] ^= 1 << bit
            path.write_bytes(data)
            with pytest.raises(AiwaveError, match=r"a\.ckpt is (damaged|not a readable)"):
                read_checkpoint(path)


def test_a_checkpoint_cut_short_is_refused(tmp_path):
    path = save(tmp_path / "a.ckpt")
    whole = path.read_bytes()
    for size in (len(whole) - 1, len(whole) - 64, len(whole) // 2, 10, 0):
        path.write_bytes(whole[:size])
        with pytest.raises(AiwaveError, match=r"a\.ckpt is (damaged|not a readable)"):
            read_checkpoint(path)


def test_a_full_disk_is_one_sentence_and_leaves_the_last_checkpoint(tmp_path):
    path = save(tmp_path / "a.ckpt", 2.0)
    done = subprocess.run([sys.executable, "-c", FULL_DISK, path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"Cannot write {path}: File too large."
    assert torch.equal(read_checkpoint(path)["state_dict"]["a"], torch.full((50,), 2.0))
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.ckpt"]


def states(folder):
    with (folder / "jobs.csv").open() as file:
        return [row["state"] for row in csv.DictReader(file)]


def results(folder):
    rows = read_rd_csv(folder / "rd.csv")
    return sorted((row.file, row.codec, row.quality, row.bpp, row.psnr_db) for row in rows)


@pytest.mark.slow
def test_a_killed_sweep_goes_on_and_ends_as_if_nothing_had_been(data_root, tmp_path):
    arguments = ["-m", *TINY, f"dataset.root={data_root}", "schedule=one_stage", "logger=none", "transform=additive"]
    arguments += ["epochs=8", "seed=0,1", "launcher=joblib", "launcher.jobs=2", "launcher.threads=1"]
    assert main(["train", *arguments, f"hydra.sweep.dir={tmp_path}/whole"]) == 0
    broken = tmp_path / "broken"
    command = [sys.executable, "-m", "aiwave", "train", *arguments, f"hydra.sweep.dir={broken}"]
    process = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"})
    for _ in range(1200):
        if list(broken.glob("*/stages/joint/last.ckpt")) or process.poll() is not None:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(2)  # its jobs end by themselves
    assert not (broken / "rd.csv").exists()
    assert main(["train", f"resume={broken}"]) == 0
    assert states(broken) == ["finished", "finished"]
    assert results(broken) == results(tmp_path / "whole")
    for job in "01":
        for name in ("best", "last"):
            one, two = (read_checkpoint(p / job / f"stages/joint/{name}.ckpt") for p in (broken, tmp_path / "whole"))
            assert all(torch.equal(one["state_dict"][key], value) for key, value in two["state_dict"].items())
