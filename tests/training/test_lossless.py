"""Lossless codecs: what goes together, what is trained, how it is measured."""

import math

import numpy as np
import pytest
import torch

from aiwave.cli import main
from aiwave.datamodules import Volume
from aiwave.errors import AiwaveError
from aiwave.evaluation.measure import measure_volume
from aiwave.models.codec import WaveletCodec
from aiwave.models.post import NoPost, PostFilter
from aiwave.models.quantisation.rate import LosslessRate, VariableRate
from aiwave.models.quantisation.rounding import Rounding
from aiwave.models.transform.wavelet_transform import ReversibleTransform
from aiwave.report.tables import read_rd_csv
from aiwave.runs.run_folder import RunFolder
from aiwave.training import CompressionTask, CosineDecay
from aiwave.training.starting_weights import codec_weights
from tests.builders import entropy, shake, transform
from tests.conftest import textured
from tests.models.transform.test_reversible_lifting import integers
from tests.short_runs import train

ALL = ["warmup", "additive", "affine", "finetune"]
EPOCHS = [f"schedule.stages.{name}.epochs=1" for name in ALL]


def lossless_codec(kind="additive", **options):
    return WaveletCodec(transform(kind, reversible=True, **options), LosslessRate(), entropy("context"), NoPost())


@pytest.mark.parametrize("kind", ["cdf53", "cdf97", "additive"])
def test_a_reversible_transform_is_the_lossy_one_s_weights_on_integers(kind):
    lossy = shake(transform(kind), std=0.2)
    lossless = transform(kind, reversible=True)
    lossless.load_state_dict(lossy.state_dict())
    x = integers(8, (9, 8, 7))
    with torch.no_grad():
        expected, bands = ReversibleTransform(lossy)(x), lossless(x.float())
        back = lossless.inverse(bands)
    assert bands.approx.dtype == torch.float32
    assert torch.equal(back, x.float())
    assert torch.equal(bands.approx.double(), expected.approx)
    assert all(torch.equal(a.double(), b) for a, b in zip(bands.details, expected.details, strict=True))


@pytest.mark.parametrize("kind", ["cdf53", "additive"])
def test_a_lossless_codec_gives_every_voxel_back_at_its_cost_alone(kind):
    codec = shake(lossless_codec(kind)).eval()
    x = integers(8, (12, 9, 11)).float()
    with torch.no_grad():
        coded = codec(x, codec.rate.step_of(0).view(1))
        q = codec.analyse(x, torch.ones(1))
        expected = codec.entropy(codec.transform(x), torch.ones(1))
    assert torch.equal(coded.x_hat, x)
    assert torch.equal(coded.bits, expected)
    assert torch.equal(q.approx, codec.transform(x).approx.detach())
    assert codec.name == f"lossless_{kind}_context"


def test_the_loss_is_the_rate_and_reaches_the_lifting_networks():
    codec = shake(lossless_codec())
    task = CompressionTask(codec, 255.0, {}, CosineDecay(0.05), seed=0, stage="additive")
    task._log_progress = lambda *args: None
    task._draw = lambda *args: codec.rate.sample(1, torch.Generator())
    x = integers(8, (8, 8, 8)).float()
    loss = task.training_step({"image": x}, 0)
    assert loss.item() == pytest.approx(codec(x, torch.ones(1)).bpp.item(), rel=1e-6)
    loss.backward()
    gradients = [p.grad for name, p in codec.transform.named_parameters() if not name.endswith("_gain")]
    assert len(gradients) == 4 * 7
    assert all(torch.isfinite(g).all() and g.abs().max() > 0 for g in gradients)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"post": PostFilter(4, 1)}, "no filter"),
        ({"rounding": Rounding(0.5)}, "straight-through"),
        ({"transform": transform("cdf53")}, "needs a reversible transform"),
        ({"rate": VariableRate([1.0, 9.0], [2.0])}, "for lossless coding only"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(changes, words):
    parts = {"transform": transform("cdf53", reversible=True), "rate": LosslessRate(), "post": NoPost()}
    with pytest.raises(ValueError, match=words):
        WaveletCodec(**({"entropy": entropy("context")} | parts | changes))


def test_impossible_options_of_the_parts_are_refused():
    with pytest.raises(ValueError, match="affine lifting is not reversible"):
        transform("affine", reversible=True)
    with pytest.raises(AiwaveError, match="no quality 4"):
        LosslessRate().step_of(4.0)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16])
def test_a_row_of_a_lossless_codec(dtype):
    codec = shake(lossless_codec()).eval()
    voxels = textured((20, 16, 16), 5).astype(dtype) - dtype(0 if dtype == np.uint8 else 500)
    row = measure_volume(codec, Volume("set", "a.tif", voxels), 0.0, 255.0, tile=16).row
    assert (row.quality, row.psnr_db) == (0, math.inf)
    assert row.bpp > 0
    assert row.codec == "aiwave_lossless_additive_context (estimated)"


def test_a_lossless_codec_that_changes_a_voxel_is_reported(monkeypatch):
    codec = lossless_codec("cdf53").eval()
    inverse = codec.transform.inverse
    monkeypatch.setattr(codec.transform, "inverse", lambda *args: inverse(*args) + 1)
    with pytest.raises(AiwaveError, match="was not reconstructed exactly"):
        measure_volume(codec, Volume("set", "a.tif", textured((8, 8, 8), 5)), 0.0, 255.0, tile=16)


def test_the_experiment_trains_in_stages_and_ends_with_exact_rows(data_root, tmp_path, capfd):
    assert train(data_root, tmp_path / "run", "experiment=lossless", "logger=csv", epochs=EPOCHS) == 0
    run = RunFolder(tmp_path / "run")
    assert sorted(path.name for path in (run.path / "stages").iterdir()) == ["additive", "finetune", "warmup"]
    assert not any(".net." in name for name in codec_weights(run.stage("warmup") / "last.ckpt"))
    assert any(".net." in name for name in codec_weights(run.stage("additive") / "last.ckpt"))
    rows = read_rd_csv(run.path / "rd.csv")
    assert [(row.file, row.quality, row.psnr_db) for row in rows] == [(f"test{k}.tif", 0, math.inf) for k in range(2)]
    assert (run.path / "rd.png").is_file()
    assert main(["evaluate", f"run={run.path}", "after=warmup", f"out={tmp_path / 'warm'}"]) == 0
    assert {row.codec for row in read_rd_csv(tmp_path / "warm/rd.csv")} == {"aiwave_lossless_cdf53_context (estimated)"}
    capfd.readouterr()
    assert main(["evaluate", f"run={run.path}", "qualities=[4]"]) == 1
    assert "no quality 4" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["transform=affine"], "affine lifting is not reversible"),
        (["post=cnn"], "no filter"),
        (["rate=variable"], "for lossless coding only"),
        (["lmbda=3"], "LosslessRate, takes no lmbda"),
    ],
)
def test_the_command_line_refuses_in_one_sentence(data_root, tmp_path, capfd, overrides, words):
    assert train(data_root, tmp_path / "run", "experiment=lossless", *overrides, epochs=EPOCHS) != 0
    said = capfd.readouterr().err.strip().splitlines()
    assert words in said[-1]
    assert not (tmp_path / "run").exists()
