"""Tables gathered into curves: runs, sweeps, anchors, and mixtures of them."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

import aiwave.report.page
from aiwave.errors import AiwaveError
from aiwave.report.bd_table import common_peak, known_peaks, mixed_peaks
from aiwave.report.gather import gather
from aiwave.report.make_report import make_report
from aiwave.report.tables import RdRow, read_rd_csv, write_rd_csv

CONFIG = {"name": "x", "lmbda": None, "run_dir": "r", "seed": 0, "rate": {"lmbda": None}, "dataset": {"peak": 255.0}}


def table(folder, *points, codec="net", dataset="cells", file="a.tif", seconds=1.0):
    """rd.csv with (quality, bpp, psnr) points."""
    write_rd_csv([RdRow(dataset, file, codec, q, b, p, seconds, seconds) for q, b, p in points], folder / "rd.csv")
    return folder


def run(folder, *points, config=None, **options):
    table(folder, *points, **options)
    (folder / "config.yaml").write_text(yaml.safe_dump({**CONFIG, **(config or {})}))
    (folder / "provenance.json").write_text(
        json.dumps({"version": 1, "command": "aiwave train", "git": {"commit": "a" * 40}})
    )
    return folder


def grouped(gathered, by, what):
    """The values of a column of the joint table, by those of another."""
    found = {}
    for row in gathered.rows:
        found.setdefault(getattr(row, by), set()).add(getattr(row, what))
    return found


def curves(gathered):
    return grouped(gathered, "codec", "quality")


def test_a_sweep_over_lambda_is_one_curve_and_its_joined_table_adds_nothing(tmp_path):
    for k, lmbda in enumerate((1, 4, 9)):
        config = {"lmbda": lmbda, "rate": {"lmbda": lmbda}, "run_dir": str(k)}
        run(tmp_path / str(k), (lmbda, lmbda, 30 + lmbda), config=config)
    table(tmp_path, (1, 1, 31), (4, 4, 34), (9, 9, 39))
    found = gather([tmp_path], tmp_path / "report")
    assert curves(found) == {"net": {1, 4, 9}}
    assert len(found.rows) == 3
    assert found.learned == {"net"}
    assert [one.folder.name for one in found.runs] == ["0", "1", "2"]
    assert dict(found.runs[0].facts) == {"command": "aiwave train", "commit": "aaaaaaaaaaaa"}


def test_runs_of_one_codec_that_differ_are_told_apart_by_folder(tmp_path):
    run(tmp_path / "small", (1, 1, 31), (2, 2, 33))
    run(tmp_path / "large", (3, 1, 32), (4, 2, 35), config={"model": {"channels": 99}})  # not even a common quality
    found = gather([tmp_path], tmp_path / "report")
    assert curves(found) == {"net (small)": {1, 2}, "net (large)": {3, 4}}
    assert found.learned == {"net (small)", "net (large)"}


def test_a_sweep_of_named_runs_is_told_apart_by_the_names_and_its_table_adds_nothing(tmp_path):
    rows = []
    for job, (name, psnr_db) in enumerate([("plain", 31), ("learned", 32)]):
        folder = run(tmp_path / str(job), (10, 1, psnr_db), config={"name": name, "transform": name})
        rows += [replace(row, codec=f"{name}: net") for row in read_rd_csv(folder / "rd.csv")]
    write_rd_csv(rows, tmp_path / "rd.csv")
    assert set(curves(gather([tmp_path], tmp_path / "out"))) == {"net (plain)", "net (learned)"}


def test_names_take_as_many_folders_as_it_needs(tmp_path):
    run(tmp_path / "x" / "0", (1, 1, 31))
    run(tmp_path / "y" / "0", (1, 1, 32), config={"seed": 1})
    assert set(curves(gather([tmp_path], tmp_path / "report"))) == {"net (x/0)", "net (y/0)"}


def test_runs_of_one_codec_on_different_volumes_are_one_codec(tmp_path):
    run(tmp_path / "a", (1, 1, 31))
    run(tmp_path / "b", (1, 2, 33), dataset="bones", config={"dataset": {"peak": 65535.0}})
    found = gather([tmp_path], tmp_path / "report")
    assert curves(found) == {"net": {1}}
    assert sorted(found.stated_peaks.values()) == [255, 65535]


def owners(gathered):
    """The codecs of every data set."""
    return grouped(gathered, "dataset", "codec")


def test_results_on_more_data_carry_the_name_of_their_run(tmp_path):
    run(tmp_path / "0", (1, 1, 31))
    run(tmp_path / "1", (1, 1, 32), config={"seed": 1})
    table(tmp_path / "1" / "small", (1, 2, 33), dataset="small")
    run(tmp_path / "2", (1, 2, 34), dataset="bones", config={"seed": 2})
    found = gather([tmp_path], tmp_path / "report")
    assert owners(found) == {"cells": {"net (0)", "net (1)"}, "small": {"net (1)"}, "bones": {"net (2)"}}


def test_a_repeated_run_keeps_its_tables_together(tmp_path):
    run(tmp_path / "0", (1, 1, 31))
    run(tmp_path / "1", (1, 1, 32))
    table(tmp_path / "1" / "at_5", (5, 3, 40))
    assert curves(gather([tmp_path], tmp_path / "report")) == {"net (0)": {1}, "net (1)": {1, 5}}


def test_runs_of_equal_names_on_different_volumes_are_one_codec_beside_another(tmp_path):
    for name, psnr_db in (("plain", 31), ("learned", 32)):
        for dataset in ("cells", "bones"):
            config = {"name": name, "transform": name, "dataset": {"name": dataset}}
            run(tmp_path / f"{name}_{dataset}", (1, 1, psnr_db), dataset=dataset, config=config)
    both = {"net (plain)", "net (learned)"}
    assert owners(gather([tmp_path], tmp_path / "report")) == {"cells": both, "bones": both}


def test_results_of_a_stage_are_not_those_of_the_last(tmp_path):
    run(tmp_path / "one", (1, 1, 31))
    table(tmp_path / "one" / "stages" / "affine" / "at_5", (5, 3, 40))
    assert curves(gather([tmp_path], tmp_path / "report")) == {"net (one)": {1}, "net (at_5)": {5}}


def test_repeated_measurements_count_once_and_other_stages_have_a_name_of_their_own(tmp_path):
    run(tmp_path / "one", (1, 1, 31), (2, 2, 33))
    table(tmp_path / "one" / "at_1", (1, 1, 31), (5, 5, 40), seconds=9.0)
    table(tmp_path / "one" / "stages" / "affine", (1, 1, 30))
    found = gather([tmp_path], tmp_path / "report")
    assert curves(found) == {"net (one)": {1, 2, 5}, "net (affine)": {1}}
    assert [row.encode_s for row in found.rows if row.quality == 1] == [1, 1]


def test_anchors_in_several_tables_are_one_codec(tmp_path):
    table(tmp_path / "a", (10, 1, 31), codec="jp3d")
    table(tmp_path / "b", (20, 1, 31), codec="jp3d")
    measured = table(tmp_path / "c", (1, 2, math.inf), codec="jpegls") / "rd.csv"
    measured = measured.rename(tmp_path / "measured.csv")
    found = gather([tmp_path, measured], tmp_path / "report")
    assert curves(found) == {"jp3d": {10, 20}, "jpegls": {1}}
    assert found.learned == frozenset()


def test_settings_and_failures_of_anchors_are_told(tmp_path):
    folder = table(tmp_path / "a", (10, 1, 31), codec="jp3d")
    (folder / "anchors.json").write_text('{"jp3d": {}}')
    (folder / "failed.csv").write_text("dataset,file,codec,quality,reason\ns,f,hm,1,It hangs.\ns,g,hm,1,It hangs.\n")
    found = gather([tmp_path], tmp_path / "report")
    assert list(found.settings.values()) == ['{"jp3d": {}}']
    assert found.notes == ["2 points of hm could not be measured, the first because: It hangs."]
    (folder / "failed.csv").write_text("x\n")
    with pytest.raises(AiwaveError, match=r"failed\.csv is damaged"):
        gather([tmp_path], tmp_path / "report")


def test_reports_are_no_sources(tmp_path):
    table(tmp_path / "a", (1, 1, 31))
    table(tmp_path / "report", (7, 1, 31))
    table(tmp_path / "old", (8, 1, 31))
    (tmp_path / "old" / "report.html").touch()
    assert curves(gather([tmp_path], tmp_path / "report")) == {"net": {1}}


def test_bad_folders_and_tables_are_named(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(AiwaveError, match=r"empty holds no rd\.csv"):
        gather([tmp_path / "empty"], tmp_path / "report")
    with pytest.raises(AiwaveError, match="absent does not exist"):
        gather([tmp_path / "absent"], tmp_path / "report")
    table(tmp_path / "none")
    with pytest.raises(AiwaveError, match=r"none/rd\.csv has no rows"):
        gather([tmp_path / "none"], tmp_path / "report")
    table(tmp_path / "twice", (1, 1, 31), (1, 2, 35))
    with pytest.raises(AiwaveError, match=r"twice/rd\.csv has different results of net at quality 1 for a\.tif"):
        gather([tmp_path / "twice"], tmp_path / "report")
    text = (table(tmp_path / "torn", (1, 1, 31), (2, 2, 33)) / "rd.csv").read_text()
    (tmp_path / "torn" / "rd.csv").write_text(text.replace("33", "thirty"))
    with pytest.raises(AiwaveError, match=r"torn/rd\.csv, line 3"):
        gather([tmp_path / "torn"], tmp_path / "report")
    run(tmp_path / "odd", (1, 1, 31))
    (tmp_path / "odd" / "config.yaml").write_text("a: [")
    with pytest.raises(AiwaveError, match=r"odd/config\.yaml cannot be read"):
        gather([tmp_path / "odd"], tmp_path / "report")


def measured(codec, peak, rmse, worst, dataset="s"):
    return RdRow(dataset, "f", codec, 1, 1, 20 * math.log10(peak / rmse), 1, 1, worst)


def test_peaks_follow_from_the_largest_error_where_no_run_states_them():
    eight = [measured("a", 255, rmse, 12 * rmse) for rmse in (1, 3, 9)]
    sixteen = [measured("b", 65535, rmse, 1.1 * rmse) for rmse in (1, 30, 900)]
    stated = RdRow("s", "f", "c", 1, 1, 40, 1, 1)
    unknown = RdRow("s", "f", "d", 1, 1, 40, 1, 1)
    peaks = known_peaks([*eight, *sixteen, stated, unknown], {stated: 255.0})
    assert peaks == {("s", "a"): {255}, ("s", "b"): {65535}, ("s", "c"): {255}}
    assert common_peak(peaks, "s") is None
    (note,) = mixed_peaks(peaks)
    assert note.startswith("s: the PSNR has the peak 255 for a, c and 65535 for b;")
    del peaks["s", "b"]
    assert common_peak(peaks, "s") == 255
    assert mixed_peaks(peaks) == []


def test_a_run_folder_of_before_is_refused(tmp_path):
    folder = run(tmp_path / "old", (1, 2.0, 40.0))
    (folder / "provenance.json").write_text(json.dumps({"format": 1, "command": "aiwave train"}))
    with pytest.raises(AiwaveError, match="train again, or use it with commit 6ce39fe"):
        gather([folder], tmp_path / "out")


def test_no_name_is_taken_for_a_mark_of_the_page(tmp_path):
    names = ("/*SCRIPT*/", "/*STYLE*/", "/*DATA*/")
    points = [(name, quality) for name in names for quality in (1, 2)]
    rows = [RdRow("cells", "a.tif", name, quality, quality, 30.0 + quality, 1, 1) for name, quality in points]
    write_rd_csv(rows, tmp_path / "in/rd.csv")
    make_report(gather([tmp_path / "in"], tmp_path / "out"), None, tmp_path / "out")
    page = (tmp_path / "out/report.html").read_text()
    script = (Path(aiwave.report.page.__file__).parent / "core.js").read_text()
    assert page.count(script) == 1
    for name in names:
        assert f'"{name}"' in page
