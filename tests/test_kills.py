"""`kill -9` at random moments: what is resumed ends as if nothing had been, and what was there stays whole."""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tifffile
import torch

from aiwave.cli import main
from aiwave.report.tables import read_rd_csv
from aiwave.training.checkpoints import read_checkpoint
from tests.conftest import textured
from tests.short_runs import TINY

pytestmark = pytest.mark.slow
KILLS = {"training": 9, "sweep": 6, "prepare": 6, "compress": 5, "report": 4}
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "WANDB_MODE": "offline"}


def start(arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "aiwave", *arguments],
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished_in(arguments):
    """Run a command to its end; the seconds that it took."""
    started = time.monotonic()
    process = start(arguments)
    error = process.communicate()[1]
    assert process.returncode == 0, error
    return time.monotonic() - started


def kill_often(kind, command, seconds, check, ended=lambda: None):
    """Kill a command, which `command` gives anew each time, at random moments of its `seconds`; `check` after each.

    If it ends before it is killed, that counts as none, and `ended` makes room for another beginning.
    """
    rng = random.Random(kind)
    kills = tries = 0
    while kills < KILLS[kind]:
        tries += 1
        assert tries < 4 * KILLS[kind], "hardly ever at work when it is to be killed"
        process = start(command())
        try:
            process.wait(rng.uniform(0.2, 0.9) * seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            kills += 1
        error = process.communicate()[1]
        assert process.returncode in (0, -signal.SIGKILL), error
        assert "Traceback" not in error
        check()
        if process.returncode == 0:
            ended()


def results(folder):
    rows = read_rd_csv(folder / "rd.csv")
    return sorted((row.file, row.codec, row.quality, row.bpp, row.psnr_db) for row in rows)


def assert_same_run(one, two):
    assert results(one) == results(two)
    checkpoints = sorted(path.relative_to(one) for path in one.glob("stages/*/*.ckpt"))
    assert checkpoints == sorted(path.relative_to(two) for path in two.glob("stages/*/*.ckpt"))
    for name in checkpoints:
        a, b = (read_checkpoint(run / name)["state_dict"] for run in (one, two))
        assert a.keys() == b.keys()
        assert all(torch.equal(a[key], b[key]) for key in a), name


def whole_checkpoints(folder):
    for path in folder.rglob("*.ckpt"):
        read_checkpoint(path)


def hashes(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(".tmp")
    }


def test_training(data_root, tmp_path):
    options = [*TINY, f"dataset.root={data_root}", "logger=csv", "schedule.order=[additive,affine]"]
    options += ["schedule.stages.additive.epochs=4", "schedule.stages.affine.epochs=4", "again=true"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    seconds = finished_in(["train", *options, f"run_dir={whole}"])

    def command():
        begun = (killed / "config.yaml").is_file()
        return ["train", f"resume={killed}"] if begun else ["train", *options, f"run_dir={killed}"]

    def ended():
        assert_same_run(whole, killed)
        shutil.rmtree(killed)

    kill_often("training", command, seconds, lambda: whole_checkpoints(killed), ended)
    finished_in(command())
    assert_same_run(whole, killed)


def test_a_sweep(data_root, tmp_path):
    options = ["-m", *TINY, f"dataset.root={data_root}", "logger=none", "schedule=one_stage", "epochs=4", "seed=0,1"]
    options += ["launcher=joblib", "launcher.jobs=2", "launcher.threads=1", f"runs_dir={tmp_path}/runs"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    seconds = finished_in(["train", *options, "again=true", f"hydra.sweep.dir={whole}"])

    def command():
        begun = (killed / "sweep.json").is_file()
        return (
            ["train", f"resume={killed}"] if begun else ["train", *options, "again=true", f"hydra.sweep.dir={killed}"]
        )

    def check():
        time.sleep(2)  # its jobs end by themselves
        whole_checkpoints(killed)

    def same():
        for job in "01":
            assert_same_run(whole / job, killed / job)
        assert results(whole) == results(killed)

    def ended():
        same()
        shutil.rmtree(killed)

    kill_often("sweep", command, seconds, check, ended)
    finished_in(command())
    same()


def test_preparation(tmp_path):
    for split, count in (("train", 6), ("test", 2)):
        (tmp_path / "raw" / split).mkdir(parents=True)
        for k in range(count):
            path = tmp_path / "raw" / split / f"{split}{k}.tif"
            tifffile.imwrite(path, textured((64, 96, 96), k), photometric="minisblack")
    options = ["prepare", "dataset=folder", f"from={tmp_path}/raw", "dataset.subset=x", "source.crops.size=[16,16,16]"]
    seconds = finished_in([*options, f"root={tmp_path}/whole"])
    command = [*options, f"root={tmp_path}/killed"]

    def ended():
        assert hashes(tmp_path / "killed") == hashes(tmp_path / "whole")
        shutil.rmtree(tmp_path / "killed")

    kill_often("prepare", lambda: command, seconds, lambda: None, ended)
    finished_in(command)
    assert hashes(tmp_path / "killed") == hashes(tmp_path / "whole")
    assert main([*command, "check=true"]) == 0


def test_compression_onto_a_file(tmp_path):
    for name, seed in (("old", 0), ("new", 1)):
        np.save(tmp_path / f"{name}.npy", textured((64, 64, 64), seed))
    out = tmp_path / "out.aiw"
    options = ["--lossless", "--model", "em_lossless", "--force"]
    seconds = finished_in(["compress", f"{tmp_path}/new.npy", f"{out}", *options])
    new = out.read_bytes()
    finished_in(["compress", f"{tmp_path}/old.npy", f"{out}", *options])
    old = out.read_bytes()
    assert old != new

    def check():
        assert out.read_bytes() in (old, new)
        out.write_bytes(old)

    kill_often("compress", lambda: ["compress", f"{tmp_path}/new.npy", f"{out}", *options], seconds, check)
    finished_in(["compress", f"{tmp_path}/new.npy", f"{out}", *options])
    assert out.read_bytes() == new


def test_a_report_over_another(data_root, tmp_path):
    options = [*TINY, f"dataset.root={data_root}", "schedule=one_stage", "epochs=1", "logger=none"]
    for seed in range(2):
        assert main(["train", *options, f"run_dir={tmp_path}/run{seed}", f"seed={seed}", f"name=run{seed}"]) == 0
    out, runs = tmp_path / "out", [f"{tmp_path}/run0", f"{tmp_path}/run1"]
    seconds = finished_in(["report", *runs, f"out={tmp_path}/whole"])
    finished_in(["report", runs[0], f"out={out}"])

    def check():
        assert (out / "report.html").read_text().rstrip().endswith("</html>")
        assert len(read_rd_csv(out / "rd.csv")) in (4, 8)

    kill_often("report", lambda: ["report", *runs, f"out={out}"], seconds, check)
    finished_in(["report", *runs, f"out={out}"])
    for name in ("rd.csv", "bd.csv", "tables.md", "report.html"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
