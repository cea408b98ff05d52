"""`aiwave report` through the command line: what it writes, says and refuses."""

import csv
import json
import math
import re

import numpy as np
import pytest
from hydra import compose, initialize_config_module

from aiwave.cli import main
from aiwave.commands.report import overrides
from aiwave.report.slices import Slice, save_slice
from aiwave.report.tables import RdRow, read_rd_csv, write_rd_csv
from tests.report.test_gather import CONFIG

RATES = (0.5, 1.0, 2.0, 4.0)


def results(codec, factor, peak=255, volumes=3, points=4, seconds=1.0):
    """Curves with PSNR = 6 dB per doubling, `factor` times the rate of the others."""
    return [
        RdRow(dataset, f"{dataset}{v}.tif", codec, k, factor * rate * (1 + v / 10), 30 + 6 * k + v, seconds, 0.5, worst)
        for dataset in ("cells", "bones")
        for v in range(volumes)
        for k, rate in enumerate(RATES[:points])
        for worst in [20 * peak / 10 ** ((30 + 6 * k + v) / 20)]
    ]


@pytest.fixture
def folder(tmp_path):
    """Anchors with lossless rows, and a run with slices."""
    exact = [RdRow("cells", "cells0.tif", "jpegls", 0, 3.25, math.inf, 1, 1, 0)]
    write_rd_csv([*results("jp3d", 1.0), *results("sperr", 0.8), *exact], tmp_path / "anchors" / "rd.csv")
    rows = results("aiwave </script><b>", 0.5)
    write_rd_csv(rows, tmp_path / "run" / "rd.csv")
    (tmp_path / "run" / "config.yaml").write_text(json.dumps(CONFIG))
    plane = np.arange(64, dtype=np.uint8).reshape(8, 8)
    save_slice(Slice(rows[0], plane, plane + 1), tmp_path / "run")
    return tmp_path


def report(folder, *arguments):
    return main(["report", str(folder / "anchors"), str(folder / "run"), f"out={folder}/report", *arguments])


def page_data(folder):
    text = (folder / "report" / "report.html").read_text()
    return json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.DOTALL)[1])


def test_a_report_has_every_part(folder, capsys):
    assert report(folder) == 0
    out = folder / "report"
    names = {path.name for path in out.iterdir()}
    figures = {f"rd_{d}.{suffix}" for d in ("cells", "bones") for suffix in ("png", "pdf")}
    assert names == {"rd.csv", "bd.csv", "tables.md", "rd.png", "report.html", "slices", *figures}
    assert (out / "rd_cells.pdf").read_bytes().startswith(b"%PDF")
    assert len(read_rd_csv(out / "rd.csv")) == 3 * 24 + 1
    with (out / "bd.csv").open() as stream:
        table = {(r["codec"], r["dataset"]): r for r in csv.DictReader(stream)}
    assert set(table) == {(c, d) for c in ("sperr", "aiwave </script><b>") for d in ("cells", "bones")}
    assert float(table["sperr", "cells"]["bd_rate_percent"]) == pytest.approx(-20, abs=1e-3)
    assert float(table["sperr", "cells"]["bd_rate_low"]) == pytest.approx(-20, abs=1e-3)
    assert table["sperr", "cells"]["volumes"] == "3"
    assert re.search(r"\| jpegls +\| +\*\*3\.250\*\* \|", (out / "tables.md").read_text())
    printed = capsys.readouterr().out
    assert "## Against jp3d" in printed
    assert str(out / "report.html") in printed


def test_the_page_is_one_file_that_asks_nobody(folder):
    assert report(folder, "anchor=sperr") == 0
    text = (folder / "report" / "report.html").read_text()
    assert re.findall(r"""(?:src|href)=["'](?!#|data:)""", text) == []
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert "default-src 'none'" in text
    assert len(text) < 300_000
    data = page_data(folder)
    assert data["codecs"][data["anchor"]]["name"] == "sperr"
    assert data["codecs"][0] == {"name": "aiwave </script><b>", "learned": True}
    assert [d["peak"] for d in data["datasets"]] == [255, 255]
    assert len(data["curves"]) == 6
    assert len(data["slices"]) == 1
    assert [run["name"] for run in data["runs"]] == ["run"]


def test_two_peaks_in_a_data_set_are_said_and_not_compared(folder, capsys):
    write_rd_csv(results("wide", 1.0, peak=65535), folder / "anchors" / "more" / "rd.csv")
    assert report(folder) == 0
    printed = capsys.readouterr().out
    assert "cells: the PSNR has the peak 255 for" in printed
    assert "wide on cells: the PSNRs have different peaks" in printed
    assert page_data(folder)["datasets"][0]["peak"] is None


def test_a_single_point_is_said_and_refused(folder, capsys):
    write_rd_csv(results("dot", 1.0, points=1), folder / "anchors" / "more" / "rd.csv")
    assert report(folder) == 0
    printed = capsys.readouterr().out
    assert "cells: dot has a single lossy point" in printed
    assert "dot on cells: the codec has a single lossy point." in printed


def test_a_codec_alone_is_said_to_have_nothing_to_compare(folder, capsys):
    assert main(["report", str(folder / "run"), f"out={folder}/report"]) == 0
    for text in (capsys.readouterr().out, (folder / "report" / "tables.md").read_text()):
        assert "nothing to compare: no other codec has lossy points on the same data" in text
        assert "BD-rate" not in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "aiwave report needs folders"),
        (["anchor=jp3d"], "aiwave report needs folders"),
        (["{0}/nothing"], "nothing does not exist"),
        (["{0}/anchors", "anchor=kakadu"], "no codec 'kakadu' to compare with: choose anchor= one of jp3d, sperr, jp"),
        (["{0}/anchors", "folder=x"], "did you mean folders?"),
    ],
)
def test_bad_input_is_one_sentence(folder, capsys, arguments, words):
    assert main(["report", *(given.format(folder) for given in arguments), *(["out=o"] if arguments else [])]) == 1
    error = capsys.readouterr().err
    assert words in error
    assert len(error.splitlines()) == 1
    assert not (folder / "report").exists()


def test_folders_may_have_any_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lr=3,seed=1").mkdir()
    given = overrides(["lr=3,seed=1", "it's [odd]", r"a\b", r"c\'d\\", "anchor=aiwave (x, y)", "logger=csv"])
    with initialize_config_module("aiwave.conf", version_base="1.3"):
        cfg = compose("report", overrides=given)
    assert list(cfg.folders) == ["lr=3,seed=1", "it's [odd]", r"a\b", r"c\'d\\"]
    assert cfg.against == "aiwave (x, y)"


def test_a_report_is_tracked_with_pictures_and_figures(folder):
    assert report(folder, "logger=csv") == 0
    tracked = folder / "report/csv/report/version_0"
    numbers = dict(line.rsplit(",", 1) for line in (tracked / "numbers.csv").read_text().splitlines())
    assert float(numbers["bd/cells/sperr/vs_jp3d/rate_percent"]) == pytest.approx(-20, abs=1e-3)
    pictures = {path.name for path in (tracked / "pictures").iterdir()}
    assert {"rd_cells.png", "rd_bones.png"} < pictures
    assert len(pictures) == 3
