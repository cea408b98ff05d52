"""`aiwave dashboard`: what it finds, what it opens, and how it ends."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
import webbrowser

import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from aiwave.child_processes import end_group
from aiwave.cli import main
from aiwave.commands import dashboard
from aiwave.report.tables import write_rd_csv
from aiwave.runs.session import RunStatus
from tests.commands.test_report_command import results


@pytest.fixture
def opened(monkeypatch):
    """The addresses that the browser was asked for."""
    asked = []
    monkeypatch.setattr(webbrowser, "open", asked.append)
    return asked


def a_run(folder, rows=()):
    """The folder of a run that nobody has trained."""
    folder.mkdir(parents=True)
    with initialize_config_module("aiwave.conf", version_base="1.3"):
        cfg = compose("train", overrides=["dataset.peak=255", "dataset.intensity_scale=256", f"run_dir={folder}"])
    (folder / "config.yaml").write_text(OmegaConf.to_yaml(cfg, resolve=True))
    texts = {"aiwave": "0", "id": "00000000", "command": "aiwave train"}
    (folder / "provenance.json").write_text(
        json.dumps({"version": 1, "git": {}, "packages": {}, "machine": {}, **texts})
    )
    if rows:
        write_rd_csv(rows, folder / "rd.csv")


def said(capfd, *arguments):
    capfd.readouterr()
    status = main(["dashboard", *map(str, arguments)])
    captured = capfd.readouterr()
    return status, captured.out, captured.err


def test_runs_without_a_service_have_the_report(tmp_path, opened, capfd):
    a_run(tmp_path / "one", results("net", 0.5))
    status, out, _ = said(capfd, tmp_path)
    assert status == 0
    page = tmp_path / "report/report.html"
    assert str(page) in out
    assert opened == [page.as_uri()]
    assert "net" in page.read_text()
    assert said(capfd, tmp_path, "--no-browser")[0] == 0
    assert len(opened) == 1


def test_offline_runs_have_a_viewer_in_the_terminal(tmp_path, opened, capfd):
    a_run(tmp_path / "one")
    (tmp_path / "one/wandb/offline-run-20260101_000000-0").mkdir(parents=True)
    status, out, _ = said(capfd, tmp_path)
    assert status == 0
    assert f"wandb leet {tmp_path}/one/wandb" in out
    assert opened == []


@pytest.mark.parametrize("there", ["nothing", "no folder", "no results"])
def test_what_cannot_be_shown_is_told_in_a_sentence(there, tmp_path, opened, capfd):
    if there == "no results":
        a_run(tmp_path / "one")
    folder = tmp_path / "missing" if there == "no folder" else tmp_path
    status, _, err = said(capfd, folder)
    assert status == 1
    (sentence,) = err.splitlines()
    words = {"nothing": "holds no runs", "no folder": "is not a folder", "no results": "holds no results yet"}
    assert f"{folder} {words[there]}" in sentence
    assert opened == []


def test_reports_of_unfinished_sweeps_follow_their_results(tmp_path, opened, capfd, monkeypatch):
    sweep = tmp_path / "sweeps/one"
    for number in range(3):
        a_run(sweep / str(number), results(f"net{number}", 0.5 + number / 10) if number < 2 else ())
        RunStatus("finished" if number < 2 else "running").write(sweep / str(number))
    (sweep / "sweep.json").write_text('{"arguments": []}')
    turns = []

    def next_turn(seconds):
        page = (sweep / "report/report.html").read_text()
        turns.append([name for name in ("net0", "net1", "net2") if name in page])
        if len(turns) == 1:
            write_rd_csv(results("net2", 0.7), sweep / "2/rd.csv")
        elif len(turns) == 2:
            (sweep / "jobs.csv").write_text("job,state\n0,finished\n1,reused\n2,finished\n")

    monkeypatch.setattr(dashboard.time, "sleep", next_turn)
    status, out, _ = said(capfd, tmp_path, "--no-browser")
    assert status == 0
    assert turns == [["net0", "net1"], ["net0", "net1", "net2"]]
    assert re.findall(r"report.html: (\d) finished runs", out) == ["2", "3"]


@pytest.mark.slow
def test_tensorboard_is_served_until_ctrl_c(tmp_path):
    from torch.utils.tensorboard import SummaryWriter

    a_run(tmp_path / "one")
    with SummaryWriter(str(tmp_path / "one/tensorboard/affine")) as writer:
        writer.add_scalar("val/loss", 1.5, 3)
    command = [sys.executable, "-m", "aiwave", "dashboard", str(tmp_path), "--no-browser"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        lines = iter(process.stdout.readline, "")
        address = next(found[1] for line in lines if (found := re.match(r"TensorBoard +(http\S+)", line)))
        assert next(lines) == "Ctrl-C ends this.\n"
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(f"{address}data/plugin/scalars/scalars?run=one/tensorboard/affine&tag=val/loss") as reply:
            ((_, step, value),) = json.load(reply)
        assert (step, value) == (3, 1.5)
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        end_group(process)
    assert process.returncode == 130
    assert err == "aiwave: Interrupted.\n"
    with pytest.raises(OSError, match="refused"):
        direct.open(address)
