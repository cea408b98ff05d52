"""What `aiwave evaluate` refuses, and where its results go."""

import shutil

import pytest

from aiwave.cli import main
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
