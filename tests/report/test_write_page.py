"""The interactive page in a real browser."""

import json
import math
import socket

import numpy as np
import pytest

from aiwave.report.gather import gather
from aiwave.report.make_report import in_order, make_report
from aiwave.report.page import write_page
from aiwave.report.slices import Slice, save_slice
from aiwave.report.tables import RdRow, write_rd_csv
from tests.browser import AVAILABLE, browser
from tests.commands.test_report_command import results
from tests.report.test_gather import CONFIG

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not AVAILABLE, reason="no Chromium with its driver here")]
NASTY = "net </script><img src=x onerror=console.error(1)>"


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    """A browser, and the page of a report over two data sets and four codecs."""
    folder = tmp_path_factory.mktemp("report")
    exact = [RdRow(d, f"{d}0.tif", "jpegls", 0, 3.25, math.inf, 1, 1, 0) for d in ("cells", "bones")]
    write_rd_csv([*results("jp3d", 1.0), *results("sperr", 0.8), *exact], folder / "anchors" / "rd.csv")
    rows = results(NASTY, 0.5)
    write_rd_csv(rows, folder / "run" / "rd.csv")
    (folder / "run" / "config.yaml").write_text(json.dumps(CONFIG))
    plane = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    save_slice(Slice(rows[0], plane, plane + 1), folder / "run")
    save_slice(Slice(exact[0], plane, plane), folder / "anchors")
    make_report(gather([folder], folder / "out"), None, folder / "out")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with browser(tmp_path_factory.mktemp("profile"), port) as window:
        window.address = (folder / "out" / "report.html").as_uri()
        yield window


@pytest.fixture
def page(window):
    """The page as it opens; whatever the test does, the console stays silent."""
    window.open("about:blank")
    window.open(window.address)
    window.size(1280, 900)
    yield window
    assert window.problems() == []


def texts(page, selector):
    return page.run(f"return [...document.querySelectorAll({json.dumps(selector)})].map((e) => e.textContent)")


def panels(page):
    script = "return [...document.querySelectorAll('.panel')].map((p) => [p.dataset.dataset, "
    return dict(page.run(script + "[...p.querySelectorAll('.curve')].map((c) => c.dataset.codec)])"))


def test_every_part_is_drawn(page):
    assert panels(page) == {d: [NASTY, "jp3d", "sperr"] for d in ("cells", "bones")}
    marks = page.run("return [...document.querySelectorAll('.curve')].map((c) => c.querySelectorAll('.mark').length)")
    assert marks == [4] * 6
    assert texts(page, "#bd-table tbody tr[data-codec=sperr] td.shade")[0].startswith("−20.0 %")
    assert texts(page, "#lossless-table tbody b") == ["3.250", "3.250"]
    assert len(texts(page, "#speed-plot .name")) == 4
    sizes = page.run("return [...document.querySelectorAll('.trio img')].map((i) => i.complete && i.naturalWidth)")
    assert sizes == [64, 64, 64]
    assert texts(page, ".run pre") == [json.dumps(CONFIG)]
    assert page.run("return document.querySelectorAll('main img').length") == 3  # names are text, not HTML


def test_what_is_lossless_is_named_and_shown_only_alone(page):
    assert texts(page, ".card .hint") == ["Equal to the original: jpegls."]
    page.click("#codec-chips .chip:nth-child(4)")
    assert texts(page, "#codec-chips [aria-pressed=true]") == ["jpegls"]
    assert texts(page, ".card .hint") == []
    captions = texts(page, ".card figcaption")
    assert len(captions) == 1
    assert captions[0].endswith("jpegls3.25 bit/voxel, lossless")


def test_the_best_come_first_and_sets_without_comparison_are_said(page, tmp_path):
    assert texts(page, "#bd-table tbody th") == [NASTY, "sperr"]  # -50 % and -20 %
    page.press("#anchor", NASTY)
    assert texts(page, "#bd-table tbody th") == ["sperr", "jp3d"]  # +60 % and +100 %
    alone = [RdRow("moss", "m", "sperr", k, 2.0**k, 30 + 6 * k, 1, 1) for k in range(3)]
    write_rd_csv([*results("jp3d", 1.0), *results("sperr", 0.8), *alone], tmp_path / "in" / "rd.csv")
    gathered = gather([tmp_path / "in"], tmp_path)
    write_page(gathered, in_order(gathered), "jp3d", {}, [], tmp_path / "alone.html")
    page.open((tmp_path / "alone.html").as_uri())
    assert texts(page, "#bd-table thead th") == ["codec", "cells", "bones"]
    assert texts(page, "#bd-hint")[0].endswith("No volume was coded by both jp3d and another codec on moss.")


def test_chips_filter_every_part_and_the_address_remembers(page):
    page.click("#dataset-chips .chip:nth-child(2)")
    page.click("#codec-chips .chip:nth-child(3)")
    assert panels(page) == {"bones": ["sperr"]}
    assert texts(page, "#bd-table thead th") == ["codec", "bones"]
    assert texts(page, "#bd-table tbody th") == ["sperr"]
    assert texts(page, ".trio img") == []
    assert page.run("return location.hash") == "#data=bones&codec=sperr"
    pressed = page.run("return [...document.querySelectorAll('#codec-chips [aria-pressed=true]')].length")
    assert pressed == 1
    page.click("#codec-chips .chip:nth-child(2)")
    assert panels(page) == {"bones": ["jp3d", "sperr"]}
    page.click("#dataset-chips .all")
    assert set(panels(page)) == {"cells", "bones"}
    page.open("about:blank")
    page.open(page.address + "#data=cells&codec=jp3d")
    assert panels(page) == {"cells": ["jp3d"]}


def test_keys_and_pointer_read_points_out(page):
    page.press(".panel svg", "\ue014\ue014")  # right, right: the first point, then the second
    spoken = texts(page, "#spoken")[0]
    assert spoken.startswith(NASTY)
    assert "37.00 dB" in spoken
    page.press(".panel svg", "\ue013")  # up: the next codec
    assert texts(page, "#spoken")[0].startswith("jp3d")
    assert page.run("return document.querySelector('.panel .tip').hidden") is False
    page.press(".panel svg", "\ue00c")
    assert page.run("return document.querySelector('.panel .tip').hidden") is True
    page.run(
        "const svg = document.querySelector('.panel svg'), mark = svg.querySelectorAll('.mark')[5];"
        "const box = mark.getBoundingClientRect();"
        "svg.dispatchEvent(new PointerEvent('pointermove', {clientX: box.x + 4, clientY: box.y + 4}));"
    )
    assert texts(page, ".panel .tip b") == ["jp3d"]


def test_another_anchor_and_measure_change_the_table(page):
    page.press("#anchor", "sperr")
    assert texts(page, "#bd-table tbody th") == [NASTY, "jp3d"]
    assert texts(page, "#bd-table tr[data-codec=jp3d] td.shade")[0].startswith("+25.0 %")
    page.press("#measure", "BD-PSNR")
    assert texts(page, "#bd-table tr[data-codec=jp3d] td.shade")[0].startswith("−1.93 dB")  # 6 log2(0.8)


@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_is_wider_than_the_page(page, width):
    page.size(width, 900)
    page.run("dispatchEvent(new Event('resize'))")
    assert page.run("return document.documentElement.scrollWidth") <= width
    assert len(page.picture()) > 20_000
