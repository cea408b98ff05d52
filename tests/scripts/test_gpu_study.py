"""The study for a GPU, on the CPU with tiny sizes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "gpu_study.sh"

TINY = [
    "model.lifting_channels=2",
    "model.context_channels=4",
    "model.context_layers=1",
    "model.post_channels=4",
    "model.post_layers=1",
    "dataset.crop=[16,16,16]",
    "dataset.batch_size=2",
    "dataset.epoch_steps=1",
    "dataset.val_crops=1",
    "dataset.num_workers=0",
    "callbacks=quiet",
    "epochs=1",
]

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")


def study(data, out, **environment):
    settings = {"TRAINER": "cpu", "PRECISION": "32-true", "PYTHON": sys.executable, **environment}
    command = ["bash", str(SCRIPT), str(data), "cells", str(out), *TINY]
    return subprocess.run(command, env=os.environ | settings, capture_output=True, text=True)


@pytest.mark.slow
def test_every_model_is_trained_evaluated_and_never_trained_twice(data_root, tmp_path):
    out = tmp_path / "out"
    first = study(data_root, out)
    assert first.returncode == 0, first.stderr
    for model in ("aiwave_light", "aiwave_heavy"):
        assert (out / model / "rd.csv").is_file()
        assert (out / model / "stages" / "finetune" / "last.ckpt").is_file()
    assert (out / "report" / "report.html").is_file()
    before = (out / "aiwave_light" / "rd.csv").stat().st_mtime_ns
    (out / "aiwave_heavy" / "rd.csv").unlink()  # as if the evaluation had been interrupted
    again = study(data_root, out)
    assert again.returncode == 0, again.stderr
    assert "aiwave_light is finished" in again.stdout
    assert (out / "aiwave_light" / "rd.csv").stat().st_mtime_ns == before
    assert (out / "aiwave_heavy" / "rd.csv").is_file()


def test_too_little_time_is_one_sentence(tmp_path):
    refused = study(tmp_path, tmp_path / "out", BUDGET="60")
    assert refused.returncode == 1
    assert refused.stderr == "BUDGET=60 leaves no time to train 2 models: give more.\n"
