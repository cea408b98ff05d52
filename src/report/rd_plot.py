"""RD figure: one panel per dataset, one mean curve per codec."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..atomic import replacing
from ..errors import AiwaveError
from .mean_curves import RdPoint, mean_curves
from .rd_row import RdRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito's colours, which all kinds of colour vision tell apart, less the yellow that print loses
COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
PANEL_INCHES = (3.2, 2.7)


def plot_rd(rows: Sequence[RdRow], path: Path, peak: float | None = None) -> None:
    """Draw the mean RD curves of `rows` as a PNG at `path`, written in one step.

    Args:
        rows: What was measured; at least one row.
        path: The PNG file.
        peak: Peak of the PSNR in sample units, for the axis label.

    Raises:
        AiwaveError: If there are no rows or the file cannot be written.
    """
    figure = rd_figure(rows, peak)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=200)


def rd_figure(rows: Sequence[RdRow], peak: float | None = None) -> "Figure":
    """Return the figure that `plot_rd` saves: datasets and codecs in the order of `rows`.

    Lossless points (PSNR inf) have no place on the axis and are left out. Marks that only some volumes of
    the set contribute to stay off the line: their means would not compare.

    Raises:
        AiwaveError: If there are no rows.
    """
    from matplotlib.figure import Figure

    if not rows:
        raise AiwaveError("There are no rate-distortion points to draw.")
    curves = {key: _lossy(points) for key, points in mean_curves(rows).items()}
    codecs = list(dict.fromkeys(codec for (_, codec), points in curves.items() if points))
    datasets = list(dict.fromkeys(row.dataset for row in rows))
    columns = math.ceil(math.sqrt(len(datasets)))
    lines = math.ceil(len(datasets) / columns)
    width, height = PANEL_INCHES
    figure = Figure(figsize=(width * columns + 0.4, height * lines + 0.6), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for panel in panels[len(datasets) :]:
        panel.remove()
    for panel, dataset in zip(panels, datasets, strict=False):
        _dress(panel, dataset, "PSNR [dB]" if peak is None else f"PSNR [dB], peak {peak:g}")
        for number, codec in enumerate(codecs):
            _draw_curve(panel, curves.get((dataset, codec), []), number)
    _add_legend(figure, codecs)
    return figure


def _lossy(points: list[RdPoint]) -> list[RdPoint]:
    return [point for point in points if math.isfinite(point.psnr_db)]


def _dress(panel: "Axes", dataset: str, psnr_label: str) -> None:
    panel.set_title(dataset, fontsize=11, fontweight="bold", loc="left")
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
    }


def _draw_curve(panel: "Axes", points: list[RdPoint], number: int) -> None:
    most = max((point.volumes for point in points), default=0)
    whole = [point for point in points if point.volumes == most]
    partial = [point for point in points if point.volumes < most]
    style = _style(number)
    panel.plot([p.bpp for p in whole], [p.psnr_db for p in whole], **style)
    panel.plot([p.bpp for p in partial], [p.psnr_db for p in partial], **{**style, "linestyle": "none"})


def _add_legend(figure: "Figure", codecs: list[str]) -> None:
    from matplotlib.lines import Line2D

    if codecs:
        handles = [Line2D([], [], label=codec, **_style(number)) for number, codec in enumerate(codecs)]
        figure.legend(handles=handles, loc="outside lower center", ncols=min(len(codecs), 5), frameon=False, fontsize=9)
