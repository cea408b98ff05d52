"""Interrupted runs: resumed, they end as if nothing had been."""

from contextlib import contextmanager

import torch

from aiwave.callbacks import GradientHealth
from aiwave.cli import main
from aiwave.report.tables import read_rd_csv
from aiwave.runs.run_folder import RunFolder
from aiwave.training import CompressionTask
from aiwave.training.checkpoints import read_checkpoint
from tests.short_runs import same, train, weights


@contextmanager
def interrupted_at(step, monkeypatch):
    """Ctrl-C before the backward pass of a training step."""
    original = GradientHealth.on_before_backward

    def stop(self, trainer, module, loss):
        if trainer.global_step == step:
            raise KeyboardInterrupt
        original(self, trainer, module, loss)

    with monkeypatch.context() as patch:
        patch.setattr(GradientHealth, "on_before_backward", stop)
        yield


def test_resuming_in_the_middle_of_a_stage_equals_an_uninterrupted_run(data_root, tmp_path, monkeypatch, capfd):
    options = ["stage=additive", "stage.epochs=3", "logger=none", "evaluate=false"]
    assert train(data_root, tmp_path / "whole", *options, epochs=[]) == 0
    with interrupted_at(5, monkeypatch):
        assert train(data_root, tmp_path / "broken", *options, epochs=[]) == 130
    assert "continue with `aiwave train resume=" in capfd.readouterr().err
    broken = RunFolder(tmp_path / "broken")
    assert not broken.is_finished("additive")
    assert read_checkpoint(broken.stage("additive") / "last.ckpt")["global_step"] == 4
    assert main(["train", f"resume={broken.path}"]) == 0
    whole = RunFolder(tmp_path / "whole")
    assert same(weights(whole, "additive"), weights(broken, "additive"))
    assert same(weights(whole, "additive", "best"), weights(broken, "additive", "best"))


def test_a_run_whose_loss_stopped_improving_resumes_from_its_last_epoch(data_root, tmp_path, monkeypatch):
    """With the last weights carried on, moved to another folder in between: as if nothing had been."""
    log = CompressionTask.log

    def log_rising(self, name, value, **options):
        log(self, name, torch.tensor(float(self.current_epoch)) if name == "val/loss" else value, **options)

    monkeypatch.setattr(CompressionTask, "log", log_rising)
    options = ["schedule.order=[additive,affine]", "schedule.carry=last", "logger=none"]
    epochs = ["schedule.stages.additive.epochs=4", "schedule.stages.affine.epochs=1"]
    assert train(data_root, tmp_path / "whole", *options, epochs=epochs) == 0
    with interrupted_at(7, monkeypatch):
        assert train(data_root, tmp_path / "broken", *options, epochs=epochs) == 130
    stage = tmp_path / "broken/stages/additive"
    assert [read_checkpoint(stage / f"{name}.ckpt")["global_step"] for name in ("best", "last")] == [2, 6]
    (tmp_path / "broken").rename(tmp_path / "moved")
    assert main(["train", f"resume={tmp_path}/moved"]) == 0
    whole, moved = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "moved")
    for stage in ("additive", "affine"):
        for name in ("best", "last"):
            assert same(weights(whole, stage, name), weights(moved, stage, name)), (stage, name)
        facts = [run.facts(stage) | {"seconds_since_start_or_resume": 0} for run in (whole, moved)]
        assert facts[0] == facts[1]
    rows = [[(row.bpp, row.psnr_db) for row in read_rd_csv(run.path / "rd.csv")] for run in (whole, moved)]
    assert rows[0] == rows[1]
    assert not list((tmp_path / "moved").rglob("*.tmp"))


def test_a_resumed_stage_remembers_the_loss_that_it_began_with(data_root, tmp_path, monkeypatch):
    alone = ["stage=additive", "stage.epochs=1", "logger=none", "evaluate=false"]
    assert train(data_root, tmp_path / "additive", *alone, epochs=[]) == 0
    given = f"init_from={tmp_path}/additive/stages/additive/best.ckpt"
    options = ["stage=affine", "stage.epochs=2", "stage.lr.transform=1e-2", "logger=none", "evaluate=false", given]
    assert train(data_root, tmp_path / "whole", *options, epochs=[]) == 0
    with interrupted_at(3, monkeypatch):
        assert train(data_root, tmp_path / "broken", *options, epochs=[]) == 130
    assert main(["train", f"resume={tmp_path}/broken"]) == 0
    whole, broken = (RunFolder(tmp_path / name).facts("affine") for name in ("whole", "broken"))
    assert whole["starting_loss"] != whole["final_loss"]
    assert broken | {"seconds_since_start_or_resume": 0} == whole | {"seconds_since_start_or_resume": 0}
