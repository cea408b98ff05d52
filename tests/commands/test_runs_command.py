"""`aiwave runs`: from the folders alone."""

import json
import re
import shutil

import pytest

from aiwave.cli import main
from aiwave.report.tables import read_rd_csv, write_rd_csv
from aiwave.runs.session import RunStatus
from tests.short_runs import TINY, train

SHORT = ["schedule=one_stage", "epochs=1", "logger=none"]


@pytest.fixture(scope="module")
def runs(data_root, tmp_path_factory):
    """Two runs of different seeds."""
    folder = tmp_path_factory.mktemp("listed")
    for seed in range(2):
        assert train(data_root, folder / f"seed{seed}", *SHORT, f"seed={seed}", epochs=[]) == 0
    return folder


def said(capfd, *arguments):
    capfd.readouterr()
    status = main(["runs", *map(str, arguments)])
    captured = capfd.readouterr()
    return status, captured.out + captured.err


def test_a_run_records_its_data_machine_and_console(runs):
    provenance = json.loads((runs / "seed0/provenance.json").read_text())
    assert len(provenance["data"]["sha256"]) == len(provenance["identity"]) == 64
    assert provenance["machine"]["memory_gib"] > 0
    assert provenance["machine"]["processor"]
    other = json.loads((runs / "seed1/provenance.json").read_text())
    assert provenance["data"] == other["data"]
    assert provenance["identity"] != other["identity"]
    console = (runs / "seed0/console.log").read_text()
    assert re.search(r"component +parameters\n", console)
    assert "RD table" in console
    assert "\r" not in console


def test_list_tells_how_every_run_stands(runs, tmp_path, capfd):
    shutil.copytree(runs, tmp_path / "runs")
    shutil.copytree(runs / "seed0", tmp_path / "runs/killed")
    RunStatus("running").write(tmp_path / "runs/killed")
    shutil.copytree(runs / "seed0", tmp_path / "runs/damaged")
    (tmp_path / "runs/damaged/config.yaml").write_text("a: [")
    status, text = said(capfd, "list", tmp_path / "runs")
    assert status == 0
    lines = {line.split()[0].rsplit("/", 1)[-1]: line for line in text.splitlines()[1:]}
    assert set(lines) == {"seed0", "seed1", "killed", "damaged"}
    assert all(word in lines["seed0"] for word in ("finished", "cells", "affine", "ContextEntropy", "1/1"))
    assert "interrupted" in lines["killed"]
    assert "unreadable" in lines["damaged"]


def test_show_tells_origin_stages_and_results(runs, capfd):
    status, text = said(capfd, "show", runs / "seed1")
    assert status == 0
    for words in ("state     finished", "seed=1", "stage     joint: 1 epochs", "validation loss", "PSNR"):
        assert words in text


def test_diff_tells_what_differs_and_nothing_else(runs, capfd):
    status, text = said(capfd, "diff", runs / "seed0", runs / "seed1")
    assert status == 0
    settings = [line.split(":")[0] for line in text.splitlines() if not line.startswith("result ")]
    assert sorted(settings) == ["dataset.seed", "seed"]
    assert len(text.splitlines()) == 2 + 2  # and two qualities
    assert said(capfd, "diff", runs / "seed0", runs / "seed0") == (0, "They do not differ.\n")


def test_rerun_reproduces_the_results_or_says_what_differs(runs, tmp_path, capfd):
    shutil.copytree(runs / "seed0", tmp_path / "run")
    status, text = said(capfd, "rerun", tmp_path / "run")
    assert status == 0
    assert "to the last digit" in text
    path = tmp_path / "run/provenance.json"
    provenance = json.loads(path.read_text())
    provenance["packages"]["numpy"] = "1.0"
    path.write_text(json.dumps(provenance))
    rows = read_rd_csv(tmp_path / "run/rd.csv")
    (tmp_path / "run/rd.csv").unlink()
    assert "has no rd.csv" in said(capfd, "rerun", tmp_path / "run")[1]
    rows[0] = type(rows[0])(**{**vars(rows[0]), "bpp": rows[0].bpp + 0.25})
    write_rd_csv(rows, tmp_path / "run/rd.csv")
    status, text = said(capfd, "rerun", tmp_path / "run")
    assert status == 1
    assert "up to 0.25 bpp and 0 dB" in text
    assert "packages.numpy: 1.0 -> " in text


def test_wrong_uses_are_one_sentence(runs, tmp_path, capfd):
    for arguments, word in (
        (["show", tmp_path / "none"], "is not a run folder"),
        (["list", tmp_path / "none"], "is not a folder"),
    ):
        status, text = said(capfd, *arguments)
        assert status == 1
        assert text.startswith("aiwave: ")
        assert len(text.splitlines()) == 1
        assert word in text


@pytest.mark.parametrize(("arguments", "word"), [([], "required"), (["fly"], "fly")])
def test_a_command_line_that_cannot_be_read_ends_like_that_of_any_command(arguments, word, capfd):
    status, text = said(capfd, *arguments)
    assert status == 2
    assert word in text.splitlines()[-1]


def test_a_run_of_another_version_is_left_alone(runs, tmp_path, capfd):
    shutil.copytree(runs / "seed0", tmp_path / "run")
    path = tmp_path / "run/provenance.json"
    known = json.loads(path.read_text())
    before = {key: value for key, value in known.items() if key != "version"} | {"format": 1}
    for provenance, words in (
        (known | {"version": 99, "aiwave": "9.1"}, "was written by aiwave 9.1, which is newer"),
        (before, "was written before version 1 of run folders: train again, or use it with commit 6ce39fe"),
    ):
        path.write_text(json.dumps(provenance))
        for arguments in (
            ["train", f"resume={tmp_path}/run"],
            ["evaluate", f"run={tmp_path}/run"],
            ["export", f"{tmp_path}/run", f"{tmp_path}/m.aiwm"],
        ):
            assert main(arguments) == 1
            said = capfd.readouterr().err
            assert words in said
            assert len(said.splitlines()) == 1


def test_two_processes_do_not_train_the_same_run(data_root, runs, tmp_path, capfd):
    from aiwave.runs.session import session

    shutil.copytree(runs / "seed0", tmp_path / "run")
    with session(tmp_path / "run"):
        assert said(capfd, "list", tmp_path)[1].count(" running ") == 1
        assert main(["train", *TINY[:0], f"resume={tmp_path}/run"]) == 1
    assert "Another process is training" in capfd.readouterr().err
