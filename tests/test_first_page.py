"""README.md says what was measured: its numbers are those of the tables beside its figures, which are small."""

import csv
import re
import runpy
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from aiwave.coding.core import SLOWER

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
FIGURES = ROOT / "docs" / "figures"
SETS = {
    "FIB-25": "fib25",
    "chest CT": "qin_ct",
    "T1 brain": "skyra_t1",
    "thorax MRI": "heart_mri",
    "BOLD": "bold",
    "abdomen CT": "msd_spleen",
    "ssTEM": "vnc_sstem",
}
FIRST = ("fib25", "128", "lossless")
SPEEDS = {name: f"aiwave {name}" for name in ("em_lossless", "voxels_best", "voxels_fast")} | {"JPEG XL": "JPEG XL e7"}


def rows_of(name):
    with (FIGURES / name).open(newline="") as file:
        return list(csv.DictReader(file))


def cells(line):
    return [cell.strip(" *") for cell in line.strip().strip("|").split("|")]


def row_of_readme(start):
    (line,) = [line for line in TEXT.splitlines() if line.startswith(f"| {start}")]
    return cells(line)


@pytest.mark.parametrize("words", SETS)
def test_lossless_sizes_are_those_of_the_table(words):
    (row,) = [row for row in rows_of("lossless.csv") if row["set"] == SETS[words]]
    wanted = [f"{float(row[codec]):.3f}" for codec in ("aiwave", "Tomoz", "JPEG XL e7", "SPERR")]
    line = row_of_readme(words)
    assert line[4:] == wanted
    marked = re.search(r"\*\*([\d.]+)\*\*", next(each for each in TEXT.splitlines() if each.startswith(f"| {words}")))
    assert marked[1] == min(wanted, key=float)


@pytest.mark.parametrize("words", SETS)
def test_lossy_gains_are_those_of_the_benchmarks(words):
    _, lossy = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8").split("## Lossy, every set\n")
    start = f"| {words} fMRI |" if words == "BOLD" else f"| {words}"
    row = next(cells(line) for line in lossy.splitlines() if line.startswith(start))
    assert row_of_readme(words)[1:4] == row[1:4]


@pytest.mark.parametrize("what", ["encode", "decode"])
def test_speeds_are_those_of_the_table(what):
    header, line = row_of_readme("megavoxels"), row_of_readme(what)
    table = [row for row in rows_of("speed.csv") if (row["volume"], row["side"], row["mode"]) == FIRST and row["bpp"]]
    rows = {row["codec"]: float(row[what]) for row in table}
    for name, value in zip(header[1:], line[1:], strict=True):
        assert float(value) == pytest.approx(rows[SPEEDS.get(name, name)], rel=0.05), name


def test_how_much_slower_the_reference_is():
    times = {}
    for row in rows_of("speed.csv"):
        if row["bpp"]:
            core, _, model = row["codec"].partition(" ")
            times[core, row["volume"], row["side"], row["mode"], model] = float(row["encode"]), float(row["decode"])
    ratios = [
        fast / slow
        for (core, *of), both in times.items()
        if core == "reference"
        for fast, slow in zip(times["aiwave", *of], both, strict=True)
    ]
    assert "four to twenty" in TEXT
    assert "four to twenty" in SLOWER
    assert (round(min(ratios)), round(max(ratios))) == (4, 20)


def test_pictures_exist_and_are_small():
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", TEXT)
    assert len(pictures) == 2
    assert all((ROOT / picture).stat().st_size < 300_000 for picture in pictures)


def test_links_lead_somewhere():
    links = re.findall(r"\]\((?!http)([^)#]+)", TEXT)
    assert len(links) > 15
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_figure_of_speeds_is_drawn_from_its_table(tmp_path):
    draw = runpy.run_path(str(ROOT / "scripts" / "make_figures.py"))["speed"]
    draw(FIGURES / "speed.csv", tmp_path / "speed.png")
    drawn, stored = (
        np.asarray(PIL.Image.open(path).convert("L"), float) for path in (tmp_path / "speed.png", FIGURES / "speed.png")
    )
    assert drawn.shape == stored.shape
    assert abs(drawn - stored).mean() < 1  # fonts may differ by a hair
