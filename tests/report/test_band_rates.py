"""Bits by band: sums by level and by axes, next to a control's, from the records of runs."""

import json

import pytest

from aiwave.models.bands import BAND_LETTERS
from aiwave.report.band_rates import bands_markdown, by_kind, changes
from aiwave.report.gather import gather
from aiwave.report.make_report import make_report
from aiwave.report.tables import write_rd_csv
from tests.report.test_gather import CONFIG
from tests.report.test_study import source

BANDS = ["LLL2", *(f"{letters}{level}" for level in (2, 1) for letters in BAND_LETTERS[1:])]
RATES = {band: 1.0 + number for number, band in enumerate(BANDS)}


def test_kinds_of_bands_add_up_to_all():
    kinds = by_kind(RATES)
    assert list(kinds) == ["LLL2", "level 2", "level 1", "one axis", "two axes", "three axes"]
    total = sum(RATES.values())
    assert kinds["LLL2"] + kinds["level 1"] + kinds["level 2"] == total
    assert kinds["LLL2"] + kinds["one axis"] + kinds["two axes"] + kinds["three axes"] == total
    assert kinds["three axes"] == RATES["HHH1"] + RATES["HHH2"]


def test_changes_are_relative_to_the_control():
    ours = {band: rate * (0.9 if band.endswith("1") else 1.0) for band, rate in RATES.items()}
    change, shares = changes([(RATES, ours), (RATES, ours)])
    assert (change["level 1"], change["level 2"], change["LLL2"]) == (pytest.approx(-10), 0, 0)
    assert sum(shares[kind] for kind in ("LLL2", "level 1", "level 2")) == pytest.approx(100)
    assert changes([]) == changes([(RATES, {"LLL2": 1.0})]) == ({}, {})
    assert bands_markdown({("set", "other"): ({}, {})}) == ""


def test_the_report_reads_them_from_the_best_epoch_of_the_last_stage(tmp_path):
    for experiment, factor in (("plain", 1.0), ("better", 0.8)):
        for seed in range(2):
            folder = tmp_path / f"{experiment}{seed}"
            write_rd_csv(source(experiment, seed, [factor]).rows, folder / "rd.csv")
            config = CONFIG | {"name": f"{experiment}_set", "seed": seed, "schedule": {"order": ["first", "last"]}}
            (folder / "config.yaml").write_text(json.dumps(config))
            (folder / "stages" / "last").mkdir(parents=True)
            columns = ["epoch", "val/loss", *(f"band_bpp/{band}" for band in BANDS)]
            rows = [
                (0, 2.0, [1e3] * len(BANDS)),
                (1, 1.0, [factor * rate for rate in RATES.values()]),
                (2, "", [""] * len(BANDS)),
            ]
            lines = [",".join(columns), *(",".join(map(str, (epoch, loss, *rates))) for epoch, loss, rates in rows)]
            (folder / "stages" / "last" / "metrics.csv").write_text("\n".join(lines))
    gathered = gather([tmp_path], tmp_path / "out")
    anchor = next(row.codec for row in gathered.rows if "plain" in row.codec)
    make_report(gathered, anchor, tmp_path / "out")
    table = (tmp_path / "out" / "tables.md").read_text().partition("## Bits by band")[2].partition("##")[0]
    *_, shares, better = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.strip().splitlines()]
    assert shares[:2] == ["set", "share of the control's bits"]
    assert better == ["set", "better", *["-20.00"] * 6]
