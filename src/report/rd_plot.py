"""RD figures: one panel per data set, one mean curve per codec."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import AiwaveError
from ..writing import replacing
from .figure_text import families, letters, missing_letters_ignored, wrapped
from .tables import RdPoint, RdRow, mean_curves

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RD_FIGURE = "rd.png"
"""Name of the figure beside the RD table."""

# Okabe & Ito's palette, safe for colour-blind readers, without the yellow that is lost in print
COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

DASHES = ("solid", "dashed", "dotted")  # the second and third time through the colours

PANEL_INCHES = (3.2, 2.7)

PRINT_INCHES = (4.8, 3.6)  # a panel alone, its legend beside it

TITLE_LETTERS, PRINT_TITLE_LETTERS = 26, 40  # of a line above a panel

TITLE_INCHES = 0.18  # height of a line of a title

ENTRY_LETTERS = 38  # of a line in a legend

ENTRY_INCHES = (0.6, 0.075, 0.19)  # a legend's entry: width without text, of a letter, height of a line


def plot_rd(rows: Sequence[RdRow], path: Path, peak: float | None = None, codecs: Sequence[str] = ()) -> None:
    """Draw the mean RD curves of `rows` as a PNG at `path`, written atomically.

    Args:
        rows: The measured points; at least one row.
        path: The PNG file.
        peak: Peak of the PSNR in sample units, for the axis label.
        codecs: See `rd_figure`.

    Raises:
        AiwaveError: If there are no rows or the file cannot be written.
    """
    figure = rd_figure(rows, peak, codecs)
    with replacing(path) as temporary, missing_letters_ignored():
        figure.savefig(temporary, format="png", dpi=200)


def print_rd(rows: Sequence[RdRow], stem: Path, peak: float | None, codecs: Sequence[str]) -> None:
    """Draw the curves of one data set as `stem`.png and `stem`.pdf, wide enough to be read in print.

    Arguments and errors are those of `rd_figure`, and AiwaveError if a file cannot be written.
    """
    figure = rd_figure(rows, peak, codecs)
    for suffix, options in ((".png", {"dpi": 200}), (".pdf", {"metadata": {"CreationDate": None}})):
        with replacing(stem.with_name(stem.name + suffix)) as temporary, missing_letters_ignored():
            figure.savefig(temporary, format=suffix[1:], **options)  # type: ignore[arg-type]


def rd_figure(rows: Sequence[RdRow], peak: float | None = None, codecs: Sequence[str] = ()) -> "Figure":
    """Return the figure that `plot_rd` saves: datasets and codecs in the order of `rows`.

    Lossless points (PSNR inf) are left out. Points to which only some volumes of the set contribute are drawn off the
    line, since their means are not comparable. Codecs get colour and marker by their position in `codecs`, which keeps
    several figures consistent; by default, by their position in this figure. Long names take several lines.

    Raises:
        AiwaveError: If there are no rows.
    """
    from matplotlib.figure import Figure

    if not rows:
        raise AiwaveError("There are no rate-distortion points to draw.")
    curves = {key: _lossy(points) for key, points in mean_curves(rows).items()}
    drawn = list(dict.fromkeys(codec for (_, codec), points in curves.items() if points))
    numbers = {codec: number for number, codec in enumerate(codecs or drawn)}
    datasets = list(dict.fromkeys(row.dataset for row in rows))
    columns = math.ceil(math.sqrt(len(datasets)))
    lines = math.ceil(len(datasets) / columns)
    alone = bool(codecs) and len(datasets) == 1
    titles = [wrapped(dataset, PRINT_TITLE_LETTERS if alone else TITLE_LETTERS) for dataset in datasets]
    entries = {wrapped(codec, ENTRY_LETTERS): numbers[codec] for codec in drawn}
    width, height = _size(columns, lines, list(entries), alone)
    height += TITLE_INCHES * lines * max(title.count("\n") for title in titles)
    figure = Figure(figsize=(width, height), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for panel in panels[len(datasets) :]:
        panel.remove()
    for panel, dataset, title in zip(panels, datasets, titles, strict=False):
        _dress(panel, title, "PSNR [dB]" if peak is None else f"PSNR [dB], peak {peak:g}")
        for codec in drawn:
            _draw_curve(panel, curves.get((dataset, codec), []), numbers[codec])
    _add_legend(figure, entries, alone)
    return figure


def _size(columns: int, lines: int, entries: Sequence[str], alone: bool) -> tuple[float, float]:
    """Width and height [inches] of the panels with their legend, to the right of a single panel, else below."""
    if alone:
        legend = ENTRY_INCHES[2] * sum(map(_lines, entries))
        return PRINT_INCHES[0] + _entry_width(entries), max(PRINT_INCHES[1], legend + 0.4)
    width = PANEL_INCHES[0] * columns + 0.4
    rows = math.ceil(len(entries) / _legend_columns(width, entries))
    return width, PANEL_INCHES[1] * lines + 0.4 + ENTRY_INCHES[2] * rows * max(map(_lines, entries), default=0)


def _lines(text: str) -> int:
    return text.count("\n") + 1


def _entry_width(entries: Sequence[str]) -> float:
    return ENTRY_INCHES[0] + ENTRY_INCHES[1] * max(map(letters, entries), default=0)


def _legend_columns(width: float, entries: Sequence[str]) -> int:
    return max(1, min(len(entries), 5, int(width / _entry_width(entries))))


def _lossy(points: list[RdPoint]) -> list[RdPoint]:
    return [point for point in points if math.isfinite(point.psnr_db)]


def _dress(panel: "Axes", title: str, psnr_label: str) -> None:
    panel.set_title(title, fontsize=11, fontweight="bold", fontfamily=families(), loc="left")
    panel.set_xlabel("rate [bit per voxel]", fontsize=9)
    panel.set_ylabel(psnr_label, fontsize=9)
    panel.tick_params(labelsize=8, length=3)
    panel.grid(color="0.88", linewidth=0.7)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)


def _style(number: int) -> dict[str, Any]:
    return {
        "color": COLOURS[number % len(COLOURS)],
        "marker": MARKERS[number % len(MARKERS)],
        "markersize": 5,
        "markeredgecolor": "white",
        "markeredgewidth": 0.6,
        "linewidth": 1.5,
        "linestyle": DASHES[number // len(COLOURS) % len(DASHES)],
    }


def _draw_curve(panel: "Axes", points: list[RdPoint], number: int) -> None:
    most = max((point.volumes for point in points), default=0)
    whole = [point for point in points if point.volumes == most]
    partial = [point for point in points if point.volumes < most]
    style = _style(number)
    panel.plot([p.bpp for p in whole], [p.psnr_db for p in whole], **style)
    panel.plot([p.bpp for p in partial], [p.psnr_db for p in partial], **{**style, "linestyle": "none"})


def _add_legend(figure: "Figure", entries: dict[str, int], beside: bool) -> None:
    from matplotlib.lines import Line2D

    if entries:
        handles = [Line2D([], [], label=entry, **_style(number)) for entry, number in entries.items()]
        columns = 1 if beside else _legend_columns(figure.get_figwidth(), list(entries))
        place: Any = "outside right upper" if beside else "outside lower center"
        font = {"family": families(), "size": 9}
        figure.legend(handles=handles, loc=place, ncols=columns, frameon=False, prop=font)
