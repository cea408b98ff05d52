"""What `aiwave evaluate` refuses, and where its results go."""

import csv
import shutil
from dataclasses import replace

import pytest

from aiwave.cli import main
from aiwave.report.tables import read_rd_csv, write_rd_csv
from tests.short_runs import train

SHORT = ["stage=warmup", "stage.epochs=1", "logger=none"]


@pytest.fixture(scope="module")
def trained(data_root, tmp_path_factory):
    """A run of one epoch, with its results."""
    folder = tmp_path_factory.mktemp("runs") / "one"
    assert train(data_root, folder, *SHORT, epochs=[]) == 0
    return folder


@pytest.fixture
def run(trained, tmp_path):
    """A copy of it."""
    shutil.copytree(trained, tmp_path / "runs/one")
    return tmp_path / "runs/one"


def complaint(capfd, *arguments):
    """What a command that fails says, in one line."""
    capfd.readouterr()
    assert main([*map(str, arguments)]) == 1
    said = capfd.readouterr().err
    assert len(said.splitlines()) == 1
    return said


def test_a_table_of_anchors_that_is_missing_is_noticed_before_anything_is_measured(run, capfd):
    before = (run / "rd.csv").stat().st_mtime_ns
    said = complaint(capfd, "evaluate", f"run={run}", "anchor_table=/nowhere.csv")
    assert "anchor_table=/nowhere.csv" in said
    assert (run / "rd.csv").stat().st_mtime_ns == before


def test_other_ways_of_measuring_leave_the_results_of_the_run_alone(run, tmp_path, capfd):
    own = {name: (run / name).read_bytes() for name in ("rd.csv", "details.csv", "rd.png")}
    ways = {
        "real_optimise": ["real=true", "optimise=true"],
        "similarity/at_2": ["similarity=true", "qualities=[2]"],
        "tile_16": ["tile=16"],
    }
    for folder, options in ways.items():
        assert main(["evaluate", f"run={run}", *options]) == 0
        assert f"RD table  {run / folder / 'rd.csv'}" in capfd.readouterr().out
        assert {name: (run / name).read_bytes() for name in own} == own
    assert {row.codec for row in read_rd_csv(run / "real_optimise/rd.csv")} == {"aiwave_cdf97_context_rdo"}
    assert main(["runs", "rerun", str(run)]) == 0


def test_a_report_compares_the_files_of_several_runs(trained, data_root, tmp_path, capfd):
    shutil.copytree(trained, tmp_path / "runs/control")
    assert train(data_root, tmp_path / "runs/learned", "stage=additive", *SHORT[1:], epochs=[]) == 0
    for name in ("control", "learned"):
        assert main(["evaluate", f"run={tmp_path}/runs/{name}", "real=true", "optimise=true"]) == 0
    arguments = ["anchor=aiwave_cdf97_context_rdo", f"out={tmp_path}/report"]
    assert main(["report", str(tmp_path / "runs"), *arguments]) == 0
    with (tmp_path / "report/bd.csv").open() as file:
        assert "aiwave_additive_context_rdo" in {row["codec"] for row in csv.DictReader(file)}
    estimated = {f"aiwave_{kind}_context (estimated)" for kind in ("cdf97", "additive")}
    assert estimated < {row.codec for row in read_rd_csv(tmp_path / "report/rd.csv")}


def test_a_repeated_run_names_the_codecs_if_they_differ(run, capfd):
    rows = [replace(row, codec="aiwave_cdf97_context") for row in read_rd_csv(run / "rd.csv")]
    write_rd_csv(rows, run / "rd.csv")
    said = complaint(capfd, "runs", "rerun", run).replace("\n", " ")
    assert "its table is of aiwave_cdf97_context (estimated), the other of aiwave_cdf97_context;" in said


def test_nothing_is_optimised_without_files(run, capfd):
    assert "give both or none" in complaint(capfd, "evaluate", f"run={run}", "optimise=true")


@pytest.mark.parametrize("name", ["real", "stages", "at_2", "slices"])
def test_results_on_a_set_take_no_folder_that_means_something_else(name, run, data_root):
    data = ["dataset=folder", f"dataset.root={data_root}", "dataset.subset=cells", f"dataset.name={name}"]
    before = {path.parent for path in run.rglob("rd.csv")}
    assert main(["evaluate", f"run={run}", *data]) == 0
    assert {path.parent for path in run.rglob("rd.csv")} - before == {run / f"{name}_"}


def test_results_on_a_set_whose_name_is_a_path_stay_in_the_run(run, data_root, tmp_path):
    others = tmp_path / "data/test/hospital/small"
    shutil.copytree(data_root / "test/cells", others)
    for subset, folder in (("../test/hospital/small", "__test_hospital_small"), (others.resolve(), None)):
        data = ["dataset=folder", f"dataset.root={tmp_path}/data", f"dataset.subset={subset}"]
        before = {path.parent for path in tmp_path.rglob("rd.csv")}
        assert main(["evaluate", f"run={run}", *data, "qualities=[2]"]) == 0
        (new,) = {path.parent for path in tmp_path.rglob("rd.csv")} - before
        assert new.parent.parent == run
        assert folder in (None, new.parent.name)
