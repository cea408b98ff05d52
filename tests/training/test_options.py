"""Options of the training loop: learning-rate schedules, averaged weights, accumulation, debugging."""

import csv
import math

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR

from aiwave.callbacks import GradientHealth
from aiwave.cli import main
from aiwave.datamodules.crops import EpochSampler
from aiwave.runs.run_folder import RunFolder
from aiwave.training import ConstantRate, CosineDecay
from aiwave.training.checkpoints import read_checkpoint
from tests.short_runs import train

STAGE = ["stage=additive", "logger=none", "evaluate=false"]


def run(data_root, path, *options):
    assert train(data_root, path, *STAGE, *options, epochs=[]) == 0
    return read_checkpoint(path / "stages/additive/last.ckpt")


def close(a, b, **tolerance):
    assert a.keys() == b.keys()
    for name in a:
        torch.testing.assert_close(a[name], b[name], **tolerance)


def test_the_learning_rate_warms_up_and_falls_as_torchs_own_cosine():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    reference = CosineAnnealingLR(optimizer, T_max=100)
    schedule = CosineDecay(0.05)
    for step in range(101):
        share = min(1, (step + 1) / 5)
        assert schedule(step, 100) == pytest.approx(share * reference.get_last_lr()[0], abs=1e-9)
        optimizer.step()
        reference.step()


def test_warming_up_counts_in_shares_or_steps():
    assert [ConstantRate(0.5)(step, 8) for step in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]
    assert [ConstantRate(2)(step, 800) for step in range(3)] == [0.5, 1, 1]
    assert [ConstantRate(0)(step, 8) for step in range(2)] == [1, 1]


def test_a_stage_follows_its_schedule(data_root, tmp_path):
    constant = run(data_root, tmp_path / "constant", "stage.epochs=1", "lr_schedule=constant", "lr_schedule.warmup=1")
    cosine = run(data_root, tmp_path / "cosine", "stage.epochs=1")
    rates = [ckpt["optimizer_states"][0]["param_groups"][0]["lr"] for ckpt in (constant, cosine)]
    assert rates == pytest.approx([3e-4, 0], abs=1e-12)


def test_the_average_of_the_weights_is_what_a_loop_over_the_steps_gives(data_root, tmp_path, monkeypatch):
    seen = []
    original = GradientHealth.on_before_optimizer_step

    def remember(self, trainer, module, optimizer):
        seen.append({name: value.clone() for name, value in module.state_dict().items()})
        original(self, trainer, module, optimizer)

    monkeypatch.setattr(GradientHealth, "on_before_optimizer_step", remember)
    end = run(data_root, tmp_path / "run", "stage.epochs=2", "ema=0.25")
    average = seen[0]
    for number, weights in enumerate([*seen[1:], end["current_model_state"]], 1):
        decay = min(0.25, (1 + number) / (10 + number))
        average = {name: decay * average[name] + (1 - decay) * weights[name] for name in average}
    close(average, end["state_dict"])
    assert any(not torch.equal(end["current_model_state"][name], value) for name, value in end["state_dict"].items())


def test_averaging_leaves_training_alone_and_zero_decay_averages_nothing(data_root, tmp_path):
    plain = run(data_root, tmp_path / "plain", "stage.epochs=2")
    averaged = run(data_root, tmp_path / "averaged", "stage.epochs=2", "ema=0.9")
    close(plain["state_dict"], averaged["current_model_state"], rtol=0, atol=0)
    copied = run(data_root, tmp_path / "copied", "stage.epochs=2", "ema=0")
    close(plain["state_dict"], copied["state_dict"], rtol=0, atol=0)


def test_a_resumed_average_equals_an_uninterrupted_one(data_root, tmp_path, monkeypatch):
    whole = run(data_root, tmp_path / "whole", "stage.epochs=3", "ema=0.9")
    original = GradientHealth.on_before_backward

    def stop_at_step_3(self, trainer, module, loss):
        if trainer.global_step == 3:
            raise KeyboardInterrupt
        original(self, trainer, module, loss)

    with monkeypatch.context() as patch:
        patch.setattr(GradientHealth, "on_before_backward", stop_at_step_3)
        assert train(data_root, tmp_path / "broken", *STAGE, "stage.epochs=3", "ema=0.9", epochs=[]) == 130
    assert main(["train", f"resume={tmp_path}/broken"]) == 0
    broken = read_checkpoint(tmp_path / "broken/stages/additive/last.ckpt")
    for key in ("state_dict", "current_model_state"):
        close(whole[key], broken[key], rtol=0, atol=0)


def test_accumulated_pieces_of_a_batch_train_as_the_whole(data_root, tmp_path):
    exact = ["trainer.precision=64-true", "stage.epochs=2"]  # Adam makes much of the last bits of float32
    whole = run(data_root, tmp_path / "whole", "dataset.batch_size=4", "dataset.epoch_steps=3", *exact)
    pieces = ["dataset.batch_size=2", "dataset.epoch_steps=6", "trainer.accumulate_grad_batches=2"]
    divided = run(data_root, tmp_path / "divided", *pieces, *exact)
    assert whole["global_step"] == divided["global_step"] == 6
    close(whole["state_dict"], divided["state_dict"], rtol=1e-7, atol=1e-9)


def table(path):
    with (path / "stages/additive/metrics.csv").open() as file:
        return list(csv.DictReader(file))


def test_metrics_are_a_table_whatever_else_tracks_them(data_root, tmp_path, monkeypatch):
    run(data_root, tmp_path / "whole", "stage.epochs=3")
    original = GradientHealth.on_before_backward

    def stop_at_step_5(self, trainer, module, loss):
        if trainer.global_step == 5:
            raise KeyboardInterrupt
        original(self, trainer, module, loss)

    with monkeypatch.context() as patch:
        patch.setattr(GradientHealth, "on_before_backward", stop_at_step_5)
        assert train(data_root, tmp_path / "broken", *STAGE, "stage.epochs=3", epochs=[]) == 130
    assert [row["step"] for row in table(tmp_path / "broken")] == ["2", "4"]
    assert main(["train", f"resume={tmp_path}/broken"]) == 0
    assert table(tmp_path / "broken") == table(tmp_path / "whole")
    best = read_checkpoint(tmp_path / "whole/stages/additive/best.ckpt")["callbacks"]
    (score,) = (state["best_model_score"] for state in best.values() if "best_model_score" in state)
    assert min(float(row["val/loss"]) for row in table(tmp_path / "whole")) == pytest.approx(float(score), rel=1e-5)


def test_a_log_gets_one_line_per_epoch(data_root, tmp_path, capfd):
    run(data_root, tmp_path / "run", "stage.epochs=2", "callbacks=default")
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"additive {k}/2: loss ") for k, line in enumerate(lines, 1))
    assert "\r" not in (tmp_path / "run/console.log").read_text()


def test_few_batches_come_again_and_again():
    assert list(EpochSampler(5, 3)) == [(3, index) for index in range(5)]
    assert list(EpochSampler(5, 3, distinct=2)) == [(0, 0), (0, 1), (0, 0), (0, 1), (0, 0)]


@pytest.mark.parametrize("debug", ["fast", "profile", "overfit"])
def test_debug_options_train(debug, data_root, tmp_path):
    short = ["dataset.epoch_steps=2"] if debug != "overfit" else ["epochs=1", "dataset.epoch_steps=4"]
    run(data_root, tmp_path / "run", f"debug={debug}", *short)
    profile = tmp_path / "run/stages/additive/fit-profile.txt"
    assert profile.is_file() == (debug == "profile")
    if debug == "profile":
        assert "training_step" in profile.read_text()
    losses = RunFolder(tmp_path / "run").read_config().dataset.distinct_batches
    assert losses == (1 if debug == "overfit" else None)


@pytest.mark.slow
def test_compiled_training_follows_plain_training(data_root, tmp_path):
    plain = run(data_root, tmp_path / "plain", "stage.epochs=1")
    compiled = run(data_root, tmp_path / "compiled", "stage.epochs=1", "trainer.compile=true")
    close(plain["state_dict"], compiled["state_dict"], rtol=1e-3, atol=1e-4)
    assert all(math.isfinite(value.sum()) for value in compiled["state_dict"].values())


def test_a_run_that_is_not_evaluated_says_where_it_is(data_root, tmp_path, capfd):
    run(data_root, tmp_path / "run", "stage.epochs=1")
    assert capfd.readouterr().out.splitlines()[-1] == f"run       {tmp_path}/run"


def test_processors_without_bfloat16_train_in_float32_and_say_so(data_root, tmp_path, monkeypatch, capsys):
    plain = run(data_root, tmp_path / "plain", "stage.epochs=1")["state_dict"]
    for has, note in ((False, 1), (True, 0)):
        monkeypatch.setattr("aiwave.training.schedule.multiplies_bfloat16", lambda has=has: has)
        capsys.readouterr()
        mixed = run(data_root, tmp_path / f"{has}", "stage.epochs=1", "trainer.precision=bf16-mixed")["state_dict"]
        assert capsys.readouterr().out.count("trainer.precision is 32-true") == note
        assert all(torch.equal(mixed[name], value) for name, value in plain.items()) == bool(note)
