"""The comparison of speeds, and the figure drawn from what it writes."""

import csv
import sys
from pathlib import Path

import pytest
import tifffile

from aiwave.coding.core import compiled_core
from tests.conftest import textured

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.mark.slow
@pytest.mark.skipif(compiled_core() is None, reason="the compiled core is missing")
def test_all_codecs_code_a_small_volume_and_are_drawn(tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(SCRIPTS)
    import bench_coding
    import make_figures

    tifffile.imwrite(tmp_path / "one.tif", textured((16, 16, 16), 1))
    tifffile.imwrite(tmp_path / "two.tif", textured((9, 16, 16), 2))
    names = ("one.tif=em_lossless,voxels_fast,em_nano", "two.tif=voxels_fast")
    table = tmp_path / "speed.csv"
    options = ["--sides", "16", "--steps", "5", "--rounds", "1", "--threads", "1", "--csv", str(table)]
    monkeypatch.setattr(sys, "argv", ["bench_coding", *(f"{tmp_path}/{name}" for name in names), *options])
    monkeypatch.setenv("AIWAVE_CORE", "native")  # which the script changes
    bench_coding.main()
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    ours = [(row["volume"], row["mode"], row["codec"]) for row in rows if row["bpp"] and "_" in row["codec"]]
    first = [
        ("lossless", "aiwave em_lossless"),
        ("lossless", "reference em_lossless"),
        ("lossless", "aiwave voxels_fast"),
    ]
    first += [("step 5", "aiwave em_nano"), ("step 5", "reference em_nano")]
    second = [("lossless", "aiwave voxels_fast"), ("lossless", "reference voxels_fast")]
    assert ours == [*(("one.tif", *row) for row in first), *(("two.tif", *row) for row in second)]
    sizes = {(row["volume"], row["codec"]): row["bpp"] for row in rows if row["bpp"] and row["mode"] == "lossless"}
    assert sizes["one.tif", "aiwave em_lossless"] == sizes["one.tif", "reference em_lossless"]
    memory = [(row["volume"], row["codec"]) for row in rows if row["decode MiB"]]
    assert memory == [("one.tif", f"aiwave {name}") for name in ("em_lossless", "voxels_fast", "em_nano")] + [
        ("two.tif", "aiwave voxels_fast")
    ]
    make_figures.speed(table, tmp_path / "speed.png")
    assert (tmp_path / "speed.png").read_bytes().startswith(b"\x89PNG")
    assert "HTJ2K" in capsys.readouterr().out
