"""docs/extend.md, followed: its files are written, its commands run, and wrong keys of its options refused."""

import math
import re
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import pywt
import torch
import yaml

import aiwave.models.entropy
import aiwave.models.transform
import aiwave.tracking
from aiwave.cli import main
from aiwave.report.tables import read_rd_csv
from aiwave.training.checkpoints import read_checkpoint

PAGE = (Path(__file__).parents[1] / "docs/extend.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
FILE = re.compile(
    r"^`((?:src|conf)/[\w/]+\.(?:py|yaml))`:[^`]*(?:`[^`\n]+`[^`]*)*?```(?:python|yaml)\n(.*?)```", re.M | re.S
)
SMALL = ["model=tiny", "dataset.crop=[16,16,16]", "dataset.num_workers=0", "dataset.steps=[8]", "callbacks=quiet"]
SMALL += ["dataset.batch_size=1", "schedule=one_stage", "hydra.searchpath=[file://{root}/conf]"]


def commands(section):
    return [line.split()[1:] for block in re.findall(r"```sh\n(.*?)```", section, re.S) for line in block.splitlines()]


@pytest.fixture
def followed(tmp_path, monkeypatch):
    """Write the files of a section below a folder of their own, where the package finds them as if they lay in it."""

    def follow(name):
        for path, content in FILE.findall(SECTIONS[name]):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(content, encoding="utf-8")
        for package in (aiwave.models.transform, aiwave.models.entropy, aiwave.tracking):
            folder = tmp_path / package.__name__.replace("aiwave", "src", 1).replace(".", "/")
            monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
        return [given.format(root=tmp_path) for given in SMALL]

    known = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    yield follow
    for module in set(sys.modules) - known:
        if module in (
            "aiwave.models.entropy.band",
            "aiwave.models.transform.linear_net",
            "aiwave.models.transform.rotation",
            "aiwave.tracking.text_tracker",
        ):
            del sys.modules[module]


def trained(tmp_path, small, data_root, command, number=0):
    """Run a command of the page on little data; the run's folder."""
    data = ["dataset=folder", f"dataset.root={data_root}", "dataset.subset=cells"]
    quiet = [] if any(given.startswith("logger=") for given in command) else ["logger=none"]
    folder = tmp_path / f"run{number}"
    assert main([*command, *data, *quiet, *small, f"run_dir={folder}"]) == 0
    return folder


def refused(capfd, small, *overrides):
    capfd.readouterr()
    assert main(["train", *small, *overrides]) in (1, 2)
    return capfd.readouterr().err.strip().splitlines()[-1]


def test_every_file_of_the_page_is_found():
    assert [path for path, _ in FILE.findall(PAGE)] == [
        "src/models/entropy/band.py",
        "conf/entropy/band.yaml",
        "src/models/transform/linear_net.py",
        "conf/lifting/linear.yaml",
        "src/models/transform/rotation.py",
        "conf/transform/rotation.yaml",
        "src/tracking/text_tracker.py",
        "conf/logger/text.yaml",
    ]


def test_an_entropy_model(followed, tmp_path, data_root, capfd):
    small = followed("An entropy model")
    (command,) = commands(SECTIONS["An entropy model"])
    run = trained(tmp_path, small, data_root, command)
    assert {row.codec for row in read_rd_csv(run / "rd.csv")} == {"aiwave_affine_band (estimated)"}
    weights = read_checkpoint(run / "stages/joint/last.ckpt")["state_dict"]
    slope = weights["codec.entropy.slope.scaled"]
    assert slope.shape == (15, 2)  # bands of two levels, parameters of a Laplace density
    assert slope.abs().min() > 0  # trained, every one
    sentence = refused(capfd, small, "trust=aiwave.models.entropy.band", "entropy=band", "entropy.levls=2")
    assert "entropy.levls is not a key of BandEntropy: did you mean levels? allowed are levels, density" in sentence
    assert "entropy=context_shared has it" in refused(
        capfd, small, "trust=aiwave.models.entropy.band", "entropy=band", "entropy.oriented=true"
    )
    assert "entropy.levels: input should be less than or equal to 5, not 6" in refused(
        capfd, small, "trust=aiwave.models.entropy.band", "entropy=band", "entropy.levels=6", "logger=none"
    )


def test_a_lifting_network(followed, tmp_path, data_root, capfd):
    small = followed("A lifting network")
    first, sweep = commands(SECTIONS["A lifting network"])
    run = trained(tmp_path, small, data_root, first)
    weights = read_checkpoint(run / "stages/joint/last.ckpt")["state_dict"]
    assert weights["codec.transform.schemes.0.steps.0.net.shift.weight"].abs().max() > 0
    assert weights["codec.transform.schemes.0.steps.0.net.raw.weight"].abs().max() > 0
    trained(tmp_path, [*small, f"hydra.sweep.dir={tmp_path}/sweep"], data_root, sweep, 1)
    configs = [yaml.safe_load(path.read_text()) for path in sorted(tmp_path.glob("sweep/*/config.yaml"))]
    assert [cfg["lifting"]["_target_"].rpartition(".")[2] for cfg in configs] == ["LinearNet", "LiftingNet"]
    sentence = refused(
        capfd, small, "trust=aiwave.models.transform.linear_net", "lifting=linear", "lifting.damping=0", "logger=none"
    )
    assert "lifting.damping: input should be greater than 0, not 0" in sentence


def test_a_transform(followed, tmp_path, data_root):
    small = followed("A transform")
    (command,) = commands(SECTIONS["A transform"])
    run = trained(tmp_path, small, data_root, command)
    angles = read_checkpoint(run / "stages/joint/last.ckpt")["state_dict"]["codec.transform.angles"]
    assert angles.shape == (2, 3)
    assert (angles != math.pi / 4).any()  # trained
    transform = import_module("aiwave.models.transform.rotation").Rotation(2).double()
    odd, even = (torch.randn(1, 1, *size, dtype=torch.float64) for size in ((12, 13, 15), (8, 12, 16)))
    torch.testing.assert_close(transform.inverse(transform(odd)), odd)
    haar = pywt.dwtn(even[0, 0].numpy(), "haar")  # keys are along z, y and x; its high-pass filter has the other sign
    details = transform(even).details[-1][0].detach().numpy()
    for key, band in zip(("aad", "ada", "add", "daa", "dad", "dda", "ddd"), details, strict=True):
        np.testing.assert_allclose(band, (-1) ** key.count("d") * haar[key], rtol=0, atol=1e-6)  # the angle is float32


def test_a_tracker(followed, tmp_path, data_root, capfd):
    small = followed("A tracker")
    for number, command in enumerate(commands(SECTIONS["A tracker"])):
        run = trained(tmp_path, small, data_root, command, number)
        (text,) = run.rglob("eval*.txt")
        title, *means = text.read_text().splitlines()
        assert title == "fast_cells"
        rows = read_rd_csv(run / "rd.csv")
        mean = sum(row.bpp for row in rows) / len(rows)
        assert f"rd/cells/{rows[0].codec}/8/bpp {mean:g}" in means
        assert bool(list(run.rglob("csv/*/version_0/hparams.yaml"))) == (number == 1)
    assert "logger.titel is not a key of TextTracker: did you mean title?" in refused(
        capfd, small, "trust=aiwave.tracking.text_tracker", "logger=text", "+logger.titel=x"
    )


def test_a_class_whose_imports_fail_is_told_why(tmp_path, monkeypatch, capfd):
    (tmp_path / "broken_plugin.py").write_text("from aiwave.models.bands import nothing_such\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["train", "entropy._target_=broken_plugin.Model", "trust=broken_plugin", "logger=none"]) == 1
    assert "broken_plugin.Model cannot be imported: cannot import name 'nothing_such'" in capfd.readouterr().err
