"""What is noticed before a run is trained, and what may change when it is resumed."""

from aiwave.cli import main
from aiwave.report.tables import RdRow, write_rd_csv
from tests.short_runs import train

SHORT = ["stage=warmup", "stage.epochs=1", "logger=none"]


def test_a_missing_table_of_anchors_is_noticed_before_training(data_root, tmp_path, capfd):
    assert train(data_root, tmp_path / "run", *SHORT, "anchor_table=/nowhere.csv", epochs=[]) == 1
    assert "anchor_table=/nowhere.csv" in capfd.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_resumed_run_may_have_another_table_of_anchors(data_root, tmp_path, capfd):
    table = tmp_path / "anchors.csv"
    write_rd_csv([RdRow("cells", "test0.tif", "other", 1, 1, 30, 1, 1)], table)
    assert train(data_root, tmp_path / "run", *SHORT, f"anchor_table={table}", epochs=[]) == 0
    (tmp_path / "run/rd.csv").unlink()
    table.rename(tmp_path / "moved.csv")
    assert main(["train", f"resume={tmp_path}/run"]) == 1
    assert f"anchor_table={table}" in capfd.readouterr().err
    for other in ("null", tmp_path / "moved.csv"):
        assert main(["train", f"resume={tmp_path}/run", f"anchor_table={other}"]) == 0
    assert (tmp_path / "run/rd.csv").is_file()
    assert main(["runs", "rerun", str(tmp_path / "run")]) == 0
