"""Results in trackers beside the table: charts, pictures and further figures."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from aiwave.evaluation.results import bd_against
from aiwave.report.rd_plot import plot_rd
from aiwave.report.tables import RdRow, read_rd_csv, write_rd_csv
from aiwave.tracking import CsvTracker, NoTracker, TensorBoardTracker, WandbTracker
from tests.short_runs import train
from tests.tracking.test_trackers import wandb_content, wandb_home  # noqa: F401

ROWS = [RdRow("brain", "a.nii", "ours", k, rate, 30.0 + k, 1.0, 1.0) for k, rate in enumerate((0.5, 1.0, 2.0))]
NUMBERS = {"bd/brain/ours/vs_jp3d/rate_percent": -12.5, "bd/brain/ours/vs_jp3d/psnr_db": 0.75}


def record(tracker, folder, rows=ROWS):
    folder.mkdir()
    plot_rd(ROWS, folder / "rd.png")
    plot_rd(ROWS[:2], folder / "slice.png")
    tracker.open(folder, "exp", "one", "evaluate", [], {})
    tracker.log_rd(rows, folder / "rd.png", {"slice": folder / "slice.png"}, NUMBERS)
    tracker.close("ok")
    return (folder / "slice.png").read_bytes()


def test_csv_keeps_pictures_and_numbers_as_files(tmp_path):
    tracker = CsvTracker()
    picture = record(tracker, tmp_path / "run")
    folder = Path(tracker.location)
    assert (folder / "pictures" / "slice.png").read_bytes() == picture
    lines = dict(line.split(",") for line in (folder / "numbers.csv").read_text().splitlines())
    assert {key: float(text) for key, text in lines.items()} == NUMBERS


def test_tensorboard_shows_pictures_and_scalars(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tracker = TensorBoardTracker()
    record(tracker, tmp_path / "run")
    events = EventAccumulator(tracker.location).Reload()
    assert set(events.Tags()["images"]) == {"rd/curves", "rd/slice"}
    assert {key: events.Scalars(key)[0].value for key in NUMBERS} == NUMBERS


def test_wandb_gets_a_chart_per_data_set_images_and_the_summary(tmp_path, monkeypatch, wandb_home):  # noqa: F811
    import wandb

    monkeypatch.setenv("WANDB_MODE", "offline")
    picture = record(WandbTracker("proj"), tmp_path / "run")
    wandb.teardown()
    content = wandb_content(tmp_path / "run")
    assert {key: content["summary"][key] for key in NUMBERS} == NUMBERS
    images = [content["folder"] / "files" / path for path in content["files"] if path.endswith(".png")]
    assert picture in [path.read_bytes() for path in images]
    tables = [content["folder"] / "files" / path for path in content["files"] if path.endswith(".table.json")]
    (chart,) = [path for path in tables if "Custom Chart Tables" in path.parts]
    assert json.loads(chart.read_text())["data"] == [["ours", row.bpp, row.psnr_db] for row in ROWS]
    settings = content["config"]["_wandb/visualize/rd/chart/brain"]["panel_config"]["fieldSettings"]
    assert settings == {"x": "bpp", "y": "psnr_db", "stroke": "codec"}


def test_wandb_gets_a_chart_of_each_data_set_however_long_its_name(tmp_path, monkeypatch, wandb_home):  # noqa: F811
    import wandb

    monkeypatch.setenv("WANDB_MODE", "offline")
    names = ["brain", "a" * 60, "../../hospital", *("scans_of_the_brain_" * 8 + end for end in ("ct", "mr"))]
    record(WandbTracker("proj"), tmp_path / "run", [replace(row, dataset=name) for name in names for row in ROWS])
    wandb.teardown()
    config = wandb_content(tmp_path / "run")["config"]
    begin = "_wandb/visualize/rd/chart/"
    charts = {
        key.removeprefix(begin): value["panel_config"]["stringSettings"]["title"]
        for key, value in config.items()
        if key.startswith(begin)
    }
    assert [title.partition(": ")[0] for title in charts.values()] == names
    assert list(charts)[:2] == names[:2]


def test_no_tracker_takes_them_too(tmp_path):
    record(NoTracker(), tmp_path / "run")


def test_bd_figures_are_those_against_every_other_codec(tmp_path):
    others = [RdRow("brain", "a.nii", name, r.quality, 2 * r.bpp, r.psnr_db, 1, 1) for name in "xy" for r in ROWS]
    write_rd_csv([*others, *ROWS], tmp_path / "anchors.csv")
    found = bd_against(ROWS, tmp_path / "anchors.csv")
    rates = {f"bd/brain/ours/vs_{name}/rate_percent": -50 for name in "xy"}
    assert {key: value for key, value in found.items() if key in rates} == pytest.approx(rates)
    assert len(found) == 4


def test_a_run_tracks_its_slices_and_bd_figures(data_root, tmp_path):
    anchors = tmp_path / "anchors.csv"
    bpp = [0.01, 0.1, 1, 8]
    rows = [
        RdRow("cells", f"test{k}.tif", "old", q, b, 4.0 + 20 * q, 1, 1) for k in range(2) for q, b in enumerate(bpp)
    ]
    write_rd_csv(rows, anchors)
    short = ["schedule=warm_three_stage", "schedule.order=[warmup]", "schedule.stages.warmup.epochs=1"]
    assert train(data_root, tmp_path / "run", *short, "logger=csv", f"anchor_table={anchors}", epochs=[]) == 0
    (tracked,) = (tmp_path / "run/csv/evaluate").iterdir()
    assert len(list((tracked / "pictures").glob("cells.test*.png"))) == 2
    assert "bd/cells/aiwave_cdf97_context (estimated)/vs_old/" in (tracked / "numbers.csv").read_text()
    measured = read_rd_csv(tmp_path / "run/rd.csv")
    lines = (tmp_path / "run/details.csv").read_text().splitlines()
    assert lines[0] == "dataset,file,codec,quality,peak,mse,compression_ratio,ssim,ms_ssim"
    for row, line in zip(measured, lines[1:], strict=True):
        *_, quality, peak, mse, ratio, ssim, ms_ssim = line.split(",")
        assert (float(quality), float(peak), ssim, ms_ssim) == (row.quality, 255, "", "")
        assert float(ratio) == pytest.approx(8 / row.bpp)
        assert 10 ** (row.psnr_db / 10) * float(mse) == pytest.approx(255**2)
