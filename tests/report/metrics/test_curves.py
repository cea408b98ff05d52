"""Bjøntegaard deltas: closed forms, published curves, the measured anchors, and what is refused."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwave.report.bd_table import bd_entries
from aiwave.report.metrics.curves import Curve, NotComparable, bd_psnr, bd_rate, mean_with_interval
from aiwave.report.tables import RdRow
from tests.anchors import measured

ANCHORS = Path(os.environ.get("AIWAVE_TEST_ANCHORS", Path(__file__).parents[4] / "shared/anchors/measured.csv"))
PSNR = (30.0, 33.0, 37.0, 42.0)
RATES = (0.2, 0.5, 1.1, 2.5)


def curve(rates, psnrs):
    return Curve.of(zip(rates, psnrs, strict=True))


@settings(deadline=None, max_examples=40)
@given(factor=st.floats(0.2, 5), shift=st.floats(-2, 2))
def test_parallel_curves_have_their_distance_as_delta(factor, shift):
    anchor = curve(RATES, PSNR)
    scaled = bd_rate(anchor, curve([factor * rate for rate in RATES], PSNR))
    assert scaled.value == pytest.approx(100 * (factor - 1), abs=1e-6)
    assert scaled.overlap == pytest.approx(1)
    raised = bd_psnr(anchor, curve(RATES, [psnr + shift for psnr in PSNR]))
    assert raised.value == pytest.approx(shift, abs=1e-6)
    assert raised.overlap == pytest.approx(1)


def test_straight_lines_of_two_points_by_hand():
    # PSNR = 10 log2(rate) + 30 and + 35: half the rate at equal PSNR is 2^-0.5, common from 35 to 40 of 30 to 45
    delta = bd_rate(curve([1, 2], [30, 40]), curve([1, 2], [35, 45]))
    assert delta.value == pytest.approx(100 * (2**-0.5 - 1))
    assert delta.overlap == pytest.approx(5 / 15)
    assert bd_psnr(curve([1, 2], [30, 40]), curve([1, 2], [35, 45])).value == pytest.approx(5)


@pytest.mark.parametrize(
    ("anchor", "test", "percent", "tolerance"),
    [
        # the examples of VCEG-M33's and of the package's authors, with the cubic polynomials of VCEG-M33
        (
            ([686.76, 309.58, 157.11, 85.95], [40.28, 37.18, 34.24, 31.42]),
            ([893.34, 407.8, 204.93, 112.75], [40.39, 37.21, 34.17, 31.24]),
            31.397,
            0.03,
        ),
        (
            ([9487.76, 4593.60, 2486.44, 1358.24], [40.037, 38.615, 36.845, 34.851]),
            ([9787.80, 4469.00, 2451.52, 1356.24], [40.121, 38.651, 36.970, 34.987]),
            -4.420,
            0.03,
        ),
    ],
)
def test_published_examples(anchor, test, percent, tolerance):
    assert bd_rate(curve(*anchor), curve(*test)).value == pytest.approx(percent, abs=tolerance)


def test_the_delta_is_the_integral_between_akima_curves():
    from scipy.interpolate import Akima1DInterpolator

    other = ([0.15, 0.4, 1.3, 2.2, 4.0], [29.0, 32.5, 38.0, 41.0, 45.0])
    x = np.linspace(max(PSNR[0], other[1][0]), min(PSNR[-1], other[1][-1]), 200001)
    gap = Akima1DInterpolator(other[1], np.log(other[0]))(x) - Akima1DInterpolator(PSNR, np.log(RATES))(x)
    expected = 100 * math.expm1(np.trapezoid(gap, x) / (x[-1] - x[0]))
    assert bd_rate(curve(RATES, PSNR), curve(*other)).value == pytest.approx(expected, rel=1e-6)


def test_points_without_a_place_on_the_curve_are_left_out():
    found = Curve.of([(2, 40), (0, 20), (3, math.inf), (1, 30), (1.5, 29), (2, 41)])
    assert found == Curve((1, 2), (30, 40))


@pytest.mark.parametrize(
    ("function", "anchor", "test", "reason"),
    [
        (bd_rate, ([1, 2], [30, 40]), ([1], [35]), "the codec has a single lossy point"),
        (bd_rate, ([1], [35]), ([1, 2], [30, 40]), "the anchor has a single lossy point"),
        (bd_psnr, ([1, 2], [30, 40]), ([4, 5], [math.inf, math.inf]), "the codec has no lossy point"),
        (bd_rate, ([1, 2], [30, 40]), ([1, 2], [40, 50]), "no PSNR is common to both: 30 to 40 and 40 to 50 dB"),
        (bd_psnr, ([1, 2], [30, 40]), ([3, 4], [30, 40]), "no rate is common to both: 1 to 2 and 3 to 4 bit/voxel"),
    ],
)
def test_curves_that_do_not_compare_are_refused_with_the_reason(function, anchor, test, reason):
    with pytest.raises(NotComparable) as caught:
        function(curve(*anchor), curve(*test))
    assert str(caught.value) == reason


def test_the_interval_is_that_of_all_resamples():
    assert mean_with_interval([3.0]).interval is None
    two = mean_with_interval([1.0, 3.0])
    assert (two.mean, two.interval, two.count) == (2.0, (1.0, 3.0), 2)
    values = list(np.random.default_rng(4).normal(5, 2, 40))
    found = mean_with_interval(values)
    assert found == mean_with_interval(values)
    half = 1.96 * np.std(values) / math.sqrt(40)  # the central limit theorem's
    assert found.interval == pytest.approx((found.mean - half, found.mean + half), abs=0.15)


def rows(dataset, codec, per_volume):
    return [
        RdRow(dataset, file, codec, k, rate, psnr, 1, 1)
        for file, (rates, psnrs) in per_volume.items()
        for k, (rate, psnr) in enumerate(zip(rates, psnrs, strict=True))
    ]


def test_entries_average_volumes_and_say_what_is_missing():
    table = rows("s", "old", {"a": (RATES, PSNR), "b": (RATES, PSNR), "c": (RATES, PSNR)})
    half, quarter = [rate / 2 for rate in RATES], [rate / 4 for rate in RATES]
    table += rows("s", "new", {"a": (half, PSNR), "b": (quarter, PSNR), "c": (RATES[:1], PSNR[:1])})
    table += rows("s", "exact", {"a": ([5], [math.inf])})
    (entry,) = bd_entries(table, "old")
    assert (entry.codec, entry.rate.count) == ("new", 2)
    assert entry.rate.mean == pytest.approx(-62.5)
    assert entry.rate.interval == pytest.approx((-75, -50))
    assert entry.reason == "the codec has a single lossy point (1 of 3 volumes)"
    assert bd_entries(table, "exact")[0].rate is None
    (mixed,) = bd_entries(table, "old", {("s", "old"): {255.0}, ("s", "new"): {65535.0}})
    assert (mixed.rate, mixed.reason) == (None, "the PSNRs have different peaks")


@pytest.mark.skipif(not ANCHORS.exists(), reason="no measured anchors here")
def test_the_measured_anchors_give_the_figures_stated_with_them(tmp_path):
    """README.md beside the table states them, made by another program (bd.py)."""
    lines = (ANCHORS.parent / "README.md").read_text().splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith("BD-rate"))
    header, _, *body = [[c.strip() for c in line.strip("|").split("|")] for line in lines[start + 2 : start + 6]]
    stated = {
        (name, dataset): [float(number) for number in text.split("/")]
        for name, *cells in body
        for dataset, text in zip(header[1:], cells, strict=True)
    }
    found = {(e.codec, e.dataset): [e.rate.mean, e.psnr.mean] for e in bd_entries(measured(ANCHORS, tmp_path), "jp3d")}
    assert len(stated) == 14
    assert found.keys() >= stated.keys()
    for key, figures in stated.items():
        assert found[key] == pytest.approx(figures, abs=0.056), key  # rounded to two digits, then to one
