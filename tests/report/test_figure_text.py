"""Names in RD figures: long ones stay in their place, and letters of any script raise no warnings."""

import warnings

import pytest
from matplotlib.font_manager import fontManager

from aiwave.report.figure_text import CJK_FONTS, families, letters, wrapped
from aiwave.report.rd_plot import plot_rd, print_rd, rd_figure
from aiwave.report.tables import RdRow


def rows(datasets, codecs):
    return [RdRow(d, "a", c, q, q, 30 + 4 * q, 1, 1) for d in datasets for c in codecs for q in (1, 2, 3)]


@pytest.mark.parametrize("name", ["mouse_cortex_left", "mouse cortex " * 16, "W" * 15 + "i" * 185, "大脑皮层" * 30])
def test_names_are_wrapped_without_a_loss(name):
    lines = wrapped(name, 26)
    assert lines.replace("\n", "") == name
    assert letters(lines) <= 26


def test_lines_end_after_punctuation_where_possible():
    assert wrapped("mouse_cortex_of_the_left", 15) == "mouse_cortex_\nof_the_left"
    assert wrapped("mousecortex", 6) == "mousec\nortex"


@pytest.mark.parametrize("length", [12, 40, 100, 200])
@pytest.mark.parametrize("codecs", [(), ("a", "b")])
def test_long_names_leave_the_panels_and_each_other_alone(length, codecs):
    datasets = [(f"{k}_" + "mouse_cortex_" * 20)[:length] for k in range(1 if codecs else 4)]
    names = [(f"{k}_" + "affine context " * 20)[:length] for k in range(3)]
    with warnings.catch_warnings(action="error"):
        figure = rd_figure(rows(datasets, names), codecs=names if codecs else ())
        figure.draw_without_rendering()
    legend = figure.legends[0].get_window_extent()
    titles = [panel._left_title.get_window_extent() for panel in figure.axes]
    panels = [panel.get_window_extent() for panel in figure.axes]
    for title, panel in zip(titles, panels, strict=True):
        assert not title.overlaps(legend)
        assert title.x1 <= panel.x1
        assert panel.height > 1.5 * figure.dpi
        assert not any(title.overlaps(other) for other in [*panels, *titles] if other not in (title, panel))
    assert legend.x0 >= 0
    assert legend.x1 <= figure.bbox.x1


def test_dollar_signs_are_letters_and_no_formulas(tmp_path):
    plot_rd(rows([r"a$\frac$", "one $"], [r"b$_$"]), tmp_path / "rd.png")
    assert (tmp_path / "rd.png").is_file()


def test_letters_that_no_font_has_raise_no_warnings(tmp_path):
    points = rows(["小鼠大脑皮层"], ["编解码器", "jp3d"])
    with warnings.catch_warnings(action="error"):
        plot_rd(points, tmp_path / "rd.png")
        print_rd(points, tmp_path / "print", 255, ["编解码器", "jp3d"])
    assert {path.name for path in tmp_path.iterdir()} == {"rd.png", "print.png", "print.pdf"}


def test_an_installed_font_with_the_letters_is_used(monkeypatch):
    monkeypatch.setattr(fontManager, "get_font_names", lambda: ["DejaVu Sans", CJK_FONTS[2]])
    assert families() == ["sans-serif", CJK_FONTS[2]]
