"""The three-stage schedule, through the command line."""

import json

import pytest
import torch

from aiwave.callbacks import FreezeComponents
from aiwave.cli import main
from aiwave.config.plan import plan
from aiwave.report.tables import COLUMNS, read_rd_csv
from aiwave.runs.run_folder import RunFolder
from aiwave.training import CompressionTask, CosineDecay
from aiwave.training.checkpoints import read_checkpoint
from aiwave.training.schedule import stage_seed
from aiwave.training.stage_codec import build_codec, trained_codec
from aiwave.training.starting_weights import load_weights
from tests.short_runs import same, train, weights
from tests.tracking.test_trackers import wandb_content

STAGES = ("additive", "affine", "finetune")


@pytest.fixture(scope="module")
def run(data_root, tmp_path_factory):
    """A whole run of three stages, tracked offline."""
    path = tmp_path_factory.mktemp("runs") / "run"
    assert train(data_root, path, "trainer.log_every_n_steps=1") == 0
    return RunFolder(path)


def test_every_stage_leaves_checkpoints_and_a_mark(run):
    for stage in STAGES:
        assert run.is_finished(stage)
        for name in ("last.ckpt", "best.ckpt"):
            assert "state_dict" in torch.load(run.stage(stage) / name, weights_only=True)
    provenance = json.loads((run.path / "provenance.json").read_text())
    assert provenance["packages"]["torch"].startswith("2.13.0")
    assert not list(run.path.rglob("*.tmp"))


def test_the_run_ends_with_a_table_in_the_common_schema_and_a_figure(run):
    header = (run.path / "rd.csv").read_text().splitlines()[0]
    assert header == ",".join(COLUMNS) == "dataset,file,codec,quality,bpp,psnr_db,encode_s,decode_s,max_error"
    rows = read_rd_csv(run.path / "rd.csv")
    assert [(row.file, row.quality) for row in rows] == [(f"test{k}.tif", q) for k in range(2) for q in (3, 12)]
    assert {(row.dataset, row.codec) for row in rows} == {("cells", "aiwave_affine_context (estimated)")}
    assert (run.path / "rd.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_stages_and_evaluation_are_tracked_as_one_group(run):
    import wandb

    wandb.teardown()
    found = {}
    for folder in (run.path / "wandb").glob("offline-run-*"):
        content = wandb_content(folder)
        found[content["run"].job_type] = content
    assert set(found) == {*STAGES, "evaluate"}
    assert len({content["run"].run_group for content in found.values()}) == 1
    assert set(found["affine"]["run"].tags) == {"affine", "cells", "ContextEntropy"}
    assert {name for name in found["affine"]["files"] if "filters" in name or "slices" in name}
    assert found["affine"]["config"]["frozen"] == ["entropy"]
    assert "torch" in found["affine"]["config"]["provenance"]["packages"]
    logged = {key for entry in found["additive"]["history"] for key in entry}
    assert {"val/loss", "val/bpp@3", "val/psnr@12", "band_bpp/LLL2", "band_bpp/HHH1"} <= logged
    assert {"train/step", "lr/post", *(f"gradient_norm/{name}" for name in ("transform", "entropy", "post"))} <= logged
    assert any("rd" in name and name.endswith(".png") for name in found["evaluate"]["files"])
    assert any(key.startswith("rd/cells/") and key.endswith("/bpp") for key in found["evaluate"]["summary"])


def test_frozen_components_stay_bit_identical_and_the_others_move(run):
    before, after = (weights(run, stage, name) for stage, name in (("additive", "best"), ("affine", "last")))
    for component, frozen in (("entropy", True), ("transform", False), ("post", False)):
        kept = {k: v for k, v in before.items() if k.startswith(component)}
        assert same(kept, {k: after[k] for k in kept}) == frozen, component
    assert not same(weights(run, "finetune", component="entropy"), weights(run, "affine", component="entropy"))


def test_affine_begins_exactly_where_additive_ended(run):
    cfg = run.read_config()
    additive, affine, _ = plan(cfg)
    checkpoint = run.stage("additive") / "best.ckpt"
    first, second = build_codec(cfg, additive), build_codec(cfg, affine)
    assert (first.transform.kind, second.transform.kind) == ("additive", "affine")
    for codec in (first, second):
        load_weights(codec, checkpoint)
    x, step = 200 * torch.rand(2, 1, 16, 16, 16), torch.tensor([2.0, 9.0])
    one, two = first(x, step), second(x, step)
    assert torch.equal(one.x_hat, two.x_hat)
    assert torch.equal(one.bits, two.bits)


def test_parameters_in_the_optimiser_per_stage(run):
    cfg = run.read_config()
    counts = {}
    for stage in plan(cfg):
        codec = build_codec(cfg, stage)
        task = CompressionTask(codec, 255.0, stage.lr, CosineDecay(0.05), 0, stage.name)
        FreezeComponents(stage.freeze).setup(None, task, "fit")
        counts[stage.name] = sum(p.numel() for p in codec.parameters() if p.requires_grad)
        sizes = {name: sum(p.numel() for p in child.parameters()) for name, child in codec.named_children()}
        optimised = read_checkpoint(run.stage(stage.name) / "last.ckpt")["optimizer_states"][0]["param_groups"]
        parts = {"additive": set(), "affine": {"scale", "taps"}, "finetune": {"scale"}}[stage.name]
        assert {group["name"]: group["initial_lr"] for group in optimised} == {
            name: stage.lr[name] for name in {"transform", "entropy", "post", *parts} - set(stage.freeze)
        }
        frozen_taps = sum(p.numel() for p in codec.entropy.synthesis.parameters())
        expected = sum(size for name, size in sizes.items() if name not in stage.freeze)
        assert counts[stage.name] == expected - (frozen_taps if "entropy" not in stage.freeze else 0)
    heads = 4 * (4 * 27 + 1)  # one scale head, 4 channels, in each of the four lifting steps
    assert counts["finetune"] - counts["additive"] == heads
    assert counts["affine"] < counts["finetune"]


def test_finished_stages_are_not_run_again(run):
    before = {path: path.stat().st_mtime_ns for path in run.path.glob("stages/*/*.ckpt")}
    assert main(["train", f"resume={run.path}", "logger=none"]) == 0
    assert before == {path: path.stat().st_mtime_ns for path in run.path.glob("stages/*/*.ckpt")}


@pytest.mark.parametrize("carry", ["best", "last"])
def test_a_stage_that_ends_worse_than_it_began_says_so_and_carries_its_start_on(
    carry, data_root, tmp_path, monkeypatch, capfd
):
    log = CompressionTask.log

    def log_rising(self, name, value, **options):
        rises = name == "val/loss" and self.stage == "affine" and not self.trainer.sanity_checking
        log(self, name, value + 100 if rises else value, **options)

    monkeypatch.setattr(CompressionTask, "log", log_rising)
    average = ["ema=0.5"] if carry == "last" else []
    options = [*average, f"schedule.carry={carry}", "schedule.stages.affine.epochs=2", "logger=none", "evaluate=false"]
    options += [f"schedule.stages.finetune.lr.{name}=1e-12" for name in ("transform", "scale", "entropy", "post")]
    assert train(data_root, tmp_path / "run", *options) == 0
    run = RunFolder(tmp_path / "run")
    (line,) = (line for line in capfd.readouterr().out.splitlines() if "ended worse" in line)
    facts = run.facts("affine")
    began, ended = f"{facts['starting_loss']:.4f}", f"{facts['final_loss']:.4f}"
    assert line.startswith(f"affine ended worse than it began: validation loss {ended} after {began}; ")
    assert facts["validation_loss"] == facts["starting_loss"]
    given = weights(run, "additive", carry)
    start = weights(run, "affine", "best")
    assert same(given, {key: start[key] for key in given})
    assert not same(weights(run, "affine", "last"), start)
    for key, value in weights(run, "finetune").items():
        torch.testing.assert_close(value, start[key], atol=1e-6, rtol=0)
    assert not run.facts("finetune")["ended_worse"]
    assert run.facts("additive")["starting_loss"] is None
    cfg = run.read_config()
    assert same(trained_codec(cfg, run, "affine").state_dict(), start)


def test_the_best_of_a_stage_is_at_least_as_good_as_what_it_was_given(run):
    losses = [run.facts(stage) for stage in STAGES]
    assert [facts["starting_loss"] for facts in losses[1:]] == pytest.approx(
        [facts["validation_loss"] for facts in losses[:-1]], rel=1e-6
    )
    assert all(facts["validation_loss"] <= facts["starting_loss"] for facts in losses[1:])


def test_parts_of_the_transform_have_rates_of_their_own(run, data_root, tmp_path):
    start = run.stage("additive") / "best.ckpt"
    given = ["stage=affine", "stage.epochs=1", f"init_from={start}", "logger=none", "evaluate=false"]
    for part, words in (("scale", ("scale_head",)), ("taps", ("taps", "low_gain", "high_gain"))):
        assert train(data_root, tmp_path / part, *given, f"stage.lr.{part}=1e-12", epochs=[]) == 0
        before = weights(run, "additive", "best", "transform")
        for key, value in weights(RunFolder(tmp_path / part), "affine", component="transform").items():
            is_part = any(word in key.split(".") for word in words)
            moved = (value - before.get(key, torch.zeros(1))).abs().max()
            assert (moved < 1e-9) == is_part, (part, key)


def test_a_stage_alone_starts_from_a_checkpoint(run, data_root, tmp_path):
    start = run.stage("additive") / "best.ckpt"
    options = [
        "stage=affine",
        "stage.epochs=1",
        "stage.lr.transform=1e-12",
        "stage.lr.taps=1e-12",
        "stage.lr.post=1e-12",
        f"init_from={start}",
        "logger=none",
    ]
    assert train(data_root, tmp_path / "alone", *options, epochs=[]) == 0
    alone = RunFolder(tmp_path / "alone")
    assert [path.name for path in (alone.path / "stages").iterdir()] == ["affine"]
    moved = weights(alone, "affine")
    for key, value in weights(run, "additive", "best").items():
        torch.testing.assert_close(moved[key], value, atol=1e-6, rtol=0)


def test_stages_can_be_skipped(data_root, tmp_path):
    skipping = ["schedule.order=[additive,finetune]", "logger=none", "evaluate=false"]
    assert train(data_root, tmp_path / "run", *skipping) == 0
    assert {path.name for path in (tmp_path / "run/stages").iterdir()} == {"additive", "finetune"}


def test_evaluate_rebuilds_any_stage_from_the_run_alone(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", f"run={run.path}", "after=additive", "qualities=[7]"]) == 0
    rows = read_rd_csv(run.path / "stages/additive/at_7/rd.csv")
    assert [(row.codec, row.quality) for row in rows] == [("aiwave_additive_context (estimated)", 7)] * 2
    assert main(["evaluate", f"run={run.path}", "out=again"]) == 0
    for first, second in zip(read_rd_csv(run.path / "rd.csv"), read_rd_csv(tmp_path / "again/rd.csv"), strict=True):
        assert second.bpp == pytest.approx(first.bpp, rel=1e-5)
        assert second.psnr_db == pytest.approx(first.psnr_db, abs=1e-3)


def test_stages_train_on_crops_and_steps_of_their_own():
    seeds = {stage_seed(seed, name) for seed in (0, 1) for name in STAGES}
    assert len(seeds) == 6
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_one_model_per_lambda_as_a_sweep(data_root, tmp_path):
    sweep = ["-m", "experiment=fixed_rate", "lmbda=4,400", f"hydra.sweep.dir={tmp_path}", "logger=none"]
    assert train(data_root, tmp_path / "unused", *sweep) == 0
    (low,), (high,) = ({(r.quality) for r in read_rd_csv(tmp_path / f"{k}/rd.csv")} for k in range(2))
    assert (low, high) == (4, 400)
    mean = [sum(r.bpp for r in read_rd_csv(tmp_path / f"{k}/rd.csv")) for k in range(2)]
    assert mean[0] > mean[1]
    joined = read_rd_csv(tmp_path / "rd.csv")
    assert {row.quality for row in joined} == {4, 400}
    assert (tmp_path / "rd.png").is_file()


def test_training_lowers_the_loss_and_gives_a_monotone_curve(tmp_path):
    """Quickstart in small: the phantom, a minute's worth of steps."""
    options = ["train", "model=tiny", "stage=warmup", "stage.epochs=8", "stage.lr.entropy=1e-2", "logger=csv"]
    data = ["dataset.crop=[16,16,16]", "dataset.epoch_steps=4", "dataset.val_crops=2", "callbacks=quiet"]
    assert main([*options, *data, f"run_dir={tmp_path}/run"]) == 0
    (metrics,) = (tmp_path / "run").glob("csv/warmup/*/metrics.csv")
    lines = [line.split(",") for line in metrics.read_text().splitlines()]
    losses = [float(line[lines[0].index("val/loss")]) for line in lines[1:] if line[lines[0].index("val/loss")]]
    assert losses[-1] < 0.9 * losses[0]
    for name in {row.file for row in read_rd_csv(tmp_path / "run/rd.csv")}:
        curve = sorted((r.bpp, r.psnr_db) for r in read_rd_csv(tmp_path / "run/rd.csv") if r.file == name)
        assert [p for _, p in curve] == sorted(p for _, p in curve)
        assert len({b for b, _ in curve}) == 5
