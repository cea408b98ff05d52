"""One training in several processes: the same as in one, and their failures are told."""

import csv
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from aiwave.cli import main
from aiwave.datamodules.crops import EpochSampler
from aiwave.runs.run_folder import RunFolder
from aiwave.runs.session import read_status
from tests.short_runs import TINY, train

STAGE = ["stage=additive", "evaluate=false", "logger=csv", "dataset.batch_size=4", "trainer.log_every_n_steps=1"]
DDP = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.log_every_n_steps=1"]


def curves(run):
    (path,) = run.glob("csv/additive/*/metrics.csv")
    with path.open() as file:
        rows = list(csv.DictReader(file))
    names = ("train/loss", "train/bpp", "train/step", "val/loss")
    return {name: [float(row[name]) for row in rows if row[name]] for name in names}


def test_the_shares_of_all_processes_are_the_batches_of_one():
    whole = list(EpochSampler(12, epoch=2, batch=6))
    shares = [list(EpochSampler(12, 2, None, 6, rank, 3)) for rank in range(3)]
    assert [len(share) for share in shares] == [4, 4, 4]
    batches = [[key for share in shares for key in share[2 * k : 2 * k + 2]] for k in range(2)]
    assert batches == [whole[:6], whole[6:]]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["dataset.batch_size=3"], "A batch of 3 cannot be divided over 2 processes"),
        (["trainer.num_nodes=2", "dataset.batch_size=4"], "torchrun or Slurm start"),
        (["trainer.devices=0"], "trainer.devices"),
    ],
)
def test_processes_that_cannot_work_are_refused(overrides, words, data_root, tmp_path, capfd):
    assert train(data_root, tmp_path / "run", *STAGE, *DDP, *overrides) == 1
    assert words in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_processes_started_together_need_a_common_folder(data_root, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "one")
    assert main(["train", *TINY, f"dataset.root={data_root}", *STAGE, *DDP, f"runs_dir={tmp_path}"]) == 1
    assert "give run_dir=" in capfd.readouterr().err


@pytest.mark.slow
def test_two_processes_train_as_one_with_the_same_batch(data_root, tmp_path):
    common = [*STAGE, "trainer.precision=64-true", "stage.epochs=2", "dataset.epoch_steps=3", "again=true"]
    assert train(data_root, tmp_path / "one", *common, epochs=[]) == 0
    assert train(data_root, tmp_path / "two", *DDP, *common, epochs=[]) == 0
    one, two = curves(tmp_path / "one"), curves(tmp_path / "two")
    assert len(one["train/loss"]) == 6
    assert one.keys() == two.keys()
    for name in one:
        assert two[name] == pytest.approx(one[name], rel=1e-6), name
    assert "LOCAL_RANK" not in os.environ


@pytest.mark.slow
def test_torchrun_starts_the_processes_as_well(data_root, tmp_path):
    options = [*TINY, f"dataset.root={data_root}", *STAGE, *DDP, "stage.epochs=1", f"run_dir={tmp_path}/run"]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run([*command, "-m", "aiwave", "train", *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(curves(tmp_path / "run")["train/loss"]) == 2
    assert len(re.findall(r"component +parameters", done.stdout)) == 1
    assert "Warning" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_sigterm_leaves_a_run_to_resume(processes, data_root, tmp_path):
    options = [*TINY, f"dataset.root={data_root}", *STAGE, "stage.epochs=500", f"run_dir={tmp_path}/run"]
    options += DDP if processes > 1 else []
    command = [sys.executable, "-m", "aiwave", "train", *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not (tmp_path / "run/stages/additive/last.ckpt").is_file():
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert errors.splitlines()[-1].startswith("aiwave: Interrupted in stage additive at step ")
    assert RunFolder(tmp_path / "run").read_config().trainer.devices == processes
    status = read_status(tmp_path / "run")
    assert (status.state, "continue with" in status.reason) == ("interrupted", True)


@pytest.mark.slow
def test_a_process_that_dies_ends_the_run_with_a_sentence(data_root, tmp_path, capfd):
    def kill():
        while not (tmp_path / "run/stages/additive/last.ckpt").is_file():
            time.sleep(0.05)
        listed = subprocess.run(["pgrep", "-P", str(os.getpid()), "-f", "training.processes"], capture_output=True)
        os.kill(int(listed.stdout), signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    assert train(data_root, tmp_path / "run", *STAGE, *DDP, "stage.epochs=500", epochs=[]) == 1
    thread.join()
    assert "Process 1 of the training failed" in capfd.readouterr().err
