"""Whatever a user gets wrong: one sentence, a status other than 0, nothing half-written."""

import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import SimpleITK as sitk
import tifffile
import torch

from aiwave.callbacks import GradientHealth
from aiwave.cli import main
from aiwave.training.checkpoints import read_checkpoint
from tests.conftest import textured
from tests.short_runs import TINY, train


def complaint(capfd):
    """The one line on standard error that begins with the program's name."""
    err = capfd.readouterr().err
    assert "Traceback" not in err
    lines = [line for line in err.splitlines() if line.startswith("aiwave: ")]
    assert len(lines) == 1, err
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fly"], ["'fly'", "train", "evaluate"]),
        (["train", "datset=phantom"], ["datset", "did you mean dataset?"]),
        (["train", "dataset=fantom"], ["dataset/fantom", "phantom", "folder"]),
        (["train", "experiment=nothing"], ["experiment/nothing", "quickstart"]),
        (["train", "stage=fourth"], ["stage/fourth", "additive", "affine", "finetune"]),
        (["train", "=3"], ["=3"]),
        (["prepare", "dataset=folder", "root=a,b"], ["root has several values, a,b", "\"root='a,b'\""]),
        (["train", "modle.levels=2"], ["modle", "did you mean model?"]),
        (["train", "model.level=2"], ["model.level", "did you mean levels?", "mixtures"]),
        (["train", "dataset.crop=[8"], ["dataset.crop=[8"]),
        (["train", "schedule.order=[additive,refine]"], ["refine", "additive, affine, finetune"]),
        (["train", "dataset=folder", "dataset.subset=x"], ["dataset.root"]),
        (["train", "dataset=folder", "dataset.root=nowhere", "dataset.subset=x"], ["nowhere"]),
        (["train", "schedule.order=[additive,additive]"], ["additive", "twice"]),
        (["train", "stage=affine"], ["affine", "init_from"]),
        (["train", "transform=cdf97", "post=none"], ["affine", "nothing to train"]),
        (["train", "rate=fixed"], ["rate", "lambda"]),
        (["train", "lmbda=9"], ["rate", "lmbda", "rate=fixed"]),
        (["train", "experiment=lossless", "lmbda=9"], ["LosslessRate", "lmbda=9", "rate=fixed"]),
        (["train", "dataset.step_range=[9,1]"], ["step_range"]),
        (["train", "scale.bound=0"], ["scale.bound", "greater than 0"]),
        (
            ["train", "lifting.activation._target_=torch.nn.Tanhh"],
            ["Tanhh", "perhaps torch.nn.Tanh is meant", "trust=MODULE"],
        ),
        (["train", "+schedule.stages.affine.transform.sharing=diagonal"], ["sharing", "isotropic"]),
        (["train", "trainer=gpu"], ["GPU", "trainer=cpu"]),
        (["train", "run_dir=/proc/nothing/here"], ["/proc/nothing"]),
        (["train", "resume=nowhere"], ["nowhere", "config.yaml"]),
        (["train", "dataset.subset=xray"], ["xray", "em"]),
        (["evaluate"], ["run", "not given"]),
        (["evaluate", "run=nowhere"], ["nowhere", "config.yaml"]),
        (["evaluate", "run=nowhere", "tile=3"], ["tile", "16"]),
        (["evaluate", "runs/2026-12-01_10-00-00"], ["give run=runs/2026-12-01_10-00-00"]),
        (["evaluate", "qualities=[2]", "nowhere"], ["give run=nowhere"]),
    ],
)
def test_wrong_commands(arguments, words, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert main([*arguments, *([] if arguments[0] == "fly" else ["logger=none"])]) in (1, 2)
    sentence = complaint(capfd)
    assert [word for word in words if word not in sentence] == [], sentence
    assert list(tmp_path.rglob("*")) == []


def no_subset(root):
    (root / "train").mkdir(parents=True)
    (root / "train/other").mkdir()
    tifffile.imwrite(root / "train/other/a.tif", textured((24, 24, 24), 0), photometric="minisblack")


def empty(root):
    (root / "train/cells").mkdir(parents=True)


def no_test_volumes(root):
    empty(root)
    tifffile.imwrite(root / "train/cells/a.tif", textured((24, 40, 40), 0), photometric="minisblack")


def truncated_tiff(root):
    empty(root)
    path = root / "train/cells/cut.tif"
    tifffile.imwrite(path, textured((24, 40, 40), 0), photometric="minisblack")
    path.write_bytes(path.read_bytes()[:20000])


def truncated_nifti(root):
    empty(root)
    path = root / "train/cells/cut.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray(textured((24, 40, 40), 0)), str(path))
    path.write_bytes(path.read_bytes()[:9000])


def not_a_volume(root):
    empty(root)
    (root / "train/cells/text.tif").write_text("hello")


def nan_voxels(root):
    empty(root)
    voxels = textured((24, 40, 40), 0).astype(np.float32)
    voxels[3, 4, 5] = np.nan
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(root / "train/cells/holes.nii.gz"))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (no_subset, ["cells", "other"]),
        (empty, ["cells"]),
        (no_test_volumes, ["test/cells"]),
        (truncated_tiff, ["cut.tif"]),
        (truncated_nifti, ["cut.nii.gz"]),
        (not_a_volume, ["text.tif"]),
        (nan_voxels, ["holes.nii.gz", "NaN"]),
    ],
)
def test_wrong_data(make, words, tmp_path, capfd):
    make(tmp_path / "data")
    assert train(tmp_path / "data", tmp_path / "run", "logger=none") == 1
    sentence = complaint(capfd)
    assert [word for word in words if word not in sentence] == [], sentence
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_not_finite_stops_the_stage_and_keeps_the_last_good_checkpoint(
    data_root, tmp_path, monkeypatch, capfd
):
    original = GradientHealth.on_before_backward

    def spoil_step_3(self, trainer, module, loss):
        original(self, trainer, module, loss * float("nan") if trainer.global_step == 3 else loss)

    monkeypatch.setattr(GradientHealth, "on_before_backward", spoil_step_3)
    assert train(data_root, tmp_path / "run", "stage=additive", "stage.epochs=3", "logger=none", epochs=[]) == 1
    sentence = complaint(capfd)
    assert re.search(r"loss became nan in stage additive at step 3, after the gradient of \w+ had grown", sentence)
    state = read_checkpoint(tmp_path / "run/stages/additive/last.ckpt")["state_dict"]
    assert all(torch.isfinite(value).all() for value in state.values())


def test_gradients_that_overflow_are_caught_before_they_reach_the_weights(data_root, tmp_path, capfd):
    wild = ["stage=additive", "stage.epochs=4", "stage.lr.transform=1e30", "logger=none"]
    assert train(data_root, tmp_path / "run", *wild, epochs=[]) == 1
    assert re.search(r"(loss|gradients? of [\w ]+) became (nan|inf) in stage additive at step \d+", complaint(capfd))


def test_checkpoints_that_cannot_be_used(data_root, tmp_path, capfd):
    (tmp_path / "noise.ckpt").write_bytes(b"\x80\x04 not a checkpoint")
    torch.save({"weights": 1}, tmp_path / "foreign.ckpt")
    torch.save({"state_dict": {"codec.transform.bogus": torch.zeros(1)}}, tmp_path / "other.ckpt")
    for name, word in (
        ("noise", "readable"),
        ("foreign", "weights"),
        ("other", "transform.bogus"),
        ("none", "No checkpoint"),
    ):
        path = tmp_path / f"{name}.ckpt"
        assert train(data_root, tmp_path / name, "stage=affine", f"init_from={path}", "logger=none", epochs=[]) == 1
        sentence = complaint(capfd)
        assert word in sentence
        assert str(path) in sentence


def test_a_run_folder_is_never_overwritten(data_root, tmp_path, capfd):
    options = ["stage=warmup", "stage.epochs=1", "logger=none", "evaluate=false"]
    assert train(data_root, tmp_path / "run", *options, epochs=[]) == 0
    capfd.readouterr()
    assert train(data_root, tmp_path / "run", *options, epochs=[]) == 1
    assert "already holds a run" in complaint(capfd)


def test_a_resumed_run_keeps_its_configuration(data_root, tmp_path, capfd):
    options = ["stage=warmup", "stage.epochs=1", "logger=none", "evaluate=false"]
    assert train(data_root, tmp_path / "run", *options, epochs=[]) == 0
    capfd.readouterr()
    assert main(["train", f"resume={tmp_path}/run", "seed=5"]) == 1
    assert "leave out seed=5" in complaint(capfd)
    (tmp_path / "run/config.yaml").write_text("seed: 1")
    assert main(["evaluate", f"run={tmp_path}/run"]) == 1
    assert "config.yaml" in complaint(capfd)
    (tmp_path / "run/provenance.json").unlink()
    assert main(["evaluate", f"run={tmp_path}/run"]) == 1
    assert "provenance.json" in complaint(capfd)


def test_a_deeper_network_does_not_take_over_a_shallower_one(data_root, tmp_path, capfd):
    options = ["logger=none", "evaluate=false", "stage.epochs=1"]
    assert train(data_root, tmp_path / "one", "stage=additive", *options, epochs=[]) == 0
    start = f"init_from={tmp_path}/one/stages/additive/best.ckpt"
    deeper = train(data_root, tmp_path / "two", "stage=affine", "model.lifting_depth=2", start, *options, epochs=[])
    assert deeper == 1
    assert "net.inner.1" in complaint(capfd)


def test_volumes_of_another_bit_depth_are_not_measured_with_the_wrong_peak(data_root, tmp_path, capfd):
    other = tmp_path / "data/test/deep"
    other.mkdir(parents=True)
    for k, dtype in enumerate((np.uint8, np.uint16)):
        tifffile.imwrite(other / f"{k}.tif", textured((8, 8, 8), 0).astype(dtype), photometric="minisblack")
    options = ["stage=warmup", "stage.epochs=1", "logger=none", "evaluate=false"]
    assert train(data_root, tmp_path / "run", *options, epochs=[]) == 0
    capfd.readouterr()
    data = ["dataset=folder", f"dataset.root={tmp_path}/data", "dataset.subset=deep"]
    assert main(["evaluate", f"run={tmp_path}/run", *data]) == 1
    assert "1.tif is uint16" in complaint(capfd)


def test_ctrl_c_keeps_the_checkpoint_and_says_how_to_go_on(data_root, tmp_path):
    command = [sys.executable, "-m", "aiwave", "train", *TINY, f"dataset.root={data_root}", f"run_dir={tmp_path}/run"]
    options = ["stage=additive", "stage.epochs=1000"]
    process = subprocess.Popen(
        [*command, *options], stderr=subprocess.PIPE, text=True, env=os.environ | {"WANDB_MODE": "offline"}
    )
    last = tmp_path / "run/stages/additive/last.ckpt"
    for _ in range(600):
        if last.is_file() or process.poll() is not None:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert f"continue with `aiwave train resume={tmp_path}/run`" in err
    assert read_checkpoint(last)["epoch"] >= 0
    assert not list(tmp_path.rglob("*.tmp"))
    assert len(list((tmp_path / "run/wandb").glob("offline-run-*/*.wandb"))) == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of the address space are Linux's")
def test_too_little_memory_is_a_sentence_and_no_file(tmp_path):
    from aiwave.coding.core import compiled_core

    if compiled_core() is None:
        pytest.skip("PyTorch does not start in so little memory")
    np.save(tmp_path / "a.npy", np.zeros((700, 700, 700), np.uint8))
    limited = (
        "import resource, sys; from aiwave.cli import main; import aiwave.commands.compress; "
        "taken = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize(); "
        "resource.setrlimit(resource.RLIMIT_AS, (taken + (300 << 20),) * 2); sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", limited, "compress", "a.npy", "a.aiw", "--lossless"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("aiwave: There is not enough memory")
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]
