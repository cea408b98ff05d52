"""Effects over seeds and volumes: known ones are found, noise is not, and the ranges are those where they are."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aiwave.report.codec_names import MeasuredTable
from aiwave.report.gather import gather
from aiwave.report.make_report import make_report
from aiwave.report.metrics.curves import Curve, bd_rate, bd_rate_by_range, mean_over_two
from aiwave.report.study import Trials, study_markdown
from aiwave.report.tables import RdRow, write_rd_csv
from aiwave.runs.recorded_run import RecordedRun
from tests.report.test_gather import CONFIG

RATES, PSNR = (0.3, 0.8, 1.5, 2.4, 3.9), (30.0, 34.0, 38.0, 41.0, 46.0)


def source(experiment, seed, factors):
    """A run whose volume k needs `factors[k]` times the rates."""
    codec = f"aiwave_{experiment} (estimated) ({experiment}_set seed {seed})"
    rows = [
        RdRow("set", f"volume{k}", codec, quality, factor * rate, psnr, 0, 0)
        for k, factor in enumerate(factors)
        for quality, (rate, psnr) in enumerate(zip(RATES, PSNR, strict=True))
    ]
    folder = Path(f"{experiment}{seed}")
    run = RecordedRun(folder, f"{experiment}_set", f"seed: {seed}\n", (), 255.0, experiment)
    return MeasuredTable(folder / "rd.csv", rows, run, [])


def test_an_effect_is_found_and_noise_is_not():
    rng = np.random.default_rng(0)
    plain = {seed: 1 + 0.2 * rng.random(4) for seed in range(3)}
    noise = {seed: factors * (1 + 0.05 * (-1.0) ** (np.arange(4) + seed)) for seed, factors in plain.items()}
    trials = [source("plain", seed, factors) for seed, factors in plain.items()]
    trials += [source("better", seed, 0.9 * factors) for seed, factors in plain.items()]
    trials += [source("other", seed, factors) for seed, factors in noise.items()]
    effects = Trials(trials).effects("aiwave_plain (estimated) (plain_set seed 0)")
    better, other = effects
    assert (better.experiment, better.seeds, better.volumes) == ("better (estimated)", 3, 4)
    assert better.rate.mean == pytest.approx(-10)
    assert better.ranges == pytest.approx((-10, -10, -10))
    assert better.is_shown
    assert not other.is_shown
    low, high = other.rate.interval
    assert low < 0 < high
    text = study_markdown(effects)
    assert text.count("no effect shown") == 1


def test_one_seed_or_another_anchor_gives_no_table():
    one = [source("plain", 0, [1.0]), source("better", 0, [0.9])]
    assert Trials(one).effects("aiwave_plain (estimated) (plain_set seed 0)") == []
    assert Trials(one).effects("jp3d") == []
    assert study_markdown([]) == ""


def test_ranges_tell_where_the_gain_is_and_average_to_the_whole():
    anchor = Curve(RATES, PSNR)
    steps = np.linspace(1.0, 0.8, len(RATES))  # nothing at the lowest rate, most at the highest
    test = Curve(tuple(float(rate * step) for rate, step in zip(RATES, steps, strict=True)), PSNR)
    low, middle, high = bd_rate_by_range(anchor, test, 3)
    assert high < middle < low < 0
    mean = 100 * np.expm1(np.mean(np.log1p(np.array([low, middle, high]) / 100)))
    assert mean == pytest.approx(bd_rate(anchor, test).value, abs=1e-3)


def test_the_interval_covers_both_kinds_of_scatter():
    by_seed = mean_over_two(np.array([[-1.0, -1.0], [3.0, 3.0]]))
    by_volume = mean_over_two(np.array([[-1.0, 3.0], [-1.0, 3.0]]))
    for estimate in (by_seed, by_volume):
        assert estimate.mean == 1
        assert estimate.interval == (-1, 3)
    assert mean_over_two(np.array([[2.0]])).interval is None


def test_the_report_of_runs_with_several_seeds_has_the_study(tmp_path):
    for experiment, factor in (("plain", 1.0), ("better", 0.9)):
        for seed in range(2):
            folder = tmp_path / f"{experiment}{seed}"
            rows = [
                replace(row, codec=f"aiwave_{experiment} (estimated)")
                for row in source(experiment, seed, [factor * (1 + seed)]).rows
            ]
            write_rd_csv(rows, folder / "rd.csv")
            (folder / "config.yaml").write_text(json.dumps(CONFIG | {"name": f"{experiment}_set", "seed": seed}))
    gathered = gather([tmp_path], tmp_path / "out")
    anchor = next(row.codec for row in gathered.rows if "plain" in row.codec)
    make_report(gathered, anchor, tmp_path / "out")
    study = (tmp_path / "out" / "tables.md").read_text().partition("## Study")[2].partition("##")[0]
    (line,) = [line for line in study.splitlines() if line.startswith("| set")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells == ["set", "better (estimated)", "-10.00", "-10.00, -10.00", *["-10.00"] * 3, "yes", "2 x 1"]
