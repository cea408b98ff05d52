"""Pictures of a codec at work: slices before and after coding, and the synthesis functions of its transform."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..system import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INCHES = 1.6
GREY = (0.5, 99.5)  # percentiles shown as black and white


def save_slices(original: np.ndarray, decoded: np.ndarray, path: Path) -> None:
    """Draw the middle planes of two volumes (D, H, W), and their difference, as a PNG at `path`.

    Raises:
        AiwaveError: If the file cannot be written.
    """
    low, high = np.percentile(original, GREY)
    difference = decoded.astype(np.float64) - original
    most = max(float(np.abs(difference).max()), 1e-9)
    figure = _figure(3, 3)
    for row, axis in zip(figure.subplots(3, 3), range(3), strict=True):
        planes = [np.take(volume, volume.shape[axis] // 2, axis=axis) for volume in (original, decoded, difference)]
        ranges: list[dict[str, Any]] = [{"vmin": low, "vmax": high, "cmap": "gray"}] * 2
        ranges += [{"vmin": -most, "vmax": most, "cmap": "RdBu_r"}]
        for panel, plane, look in zip(row, planes, ranges, strict=True):
            panel.imshow(plane, **look)
            panel.set_axis_off()
        row[0].set_title(f"original, {'zyx'[axis]}", fontsize=7)
        row[1].set_title("decoded", fontsize=7)
        row[2].set_title(f"difference, ±{most:.3g}", fontsize=7)
    _save(figure, path)


def save_filters(filters: Mapping[str, np.ndarray], path: Path) -> None:
    """Draw the middle plane across z of every function (D, H, W), each in its own range, as a PNG at `path`.

    Raises:
        AiwaveError: If the file cannot be written.
    """
    columns = 5
    rows = -(-len(filters) // columns)
    figure = _figure(columns, rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in panels:
        panel.set_axis_off()
    for panel, (name, values) in zip(panels, filters.items(), strict=False):
        most = max(float(np.abs(values).max()), 1e-9)
        plane = int(np.argmax(np.abs(values).max(axis=(1, 2))))
        panel.imshow(values[plane], vmin=-most, vmax=most, cmap="RdBu_r")
        panel.set_title(name, fontsize=7)
    _save(figure, path)


def _figure(columns: int, rows: int) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(INCHES * columns, INCHES * rows), layout="constrained")


def _save(figure: "Figure", path: Path) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=100)
