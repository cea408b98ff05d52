"""Figures of a training stage: a crop before and after coding, the transform's synthesis functions, their profiles."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..writing import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SLICES, FILTERS, RESPONSES = "slices.png", "filters.png", "responses.png"
"""Names in the folder of a stage."""

AXES = ("z", "y", "x")

COLUMNS = 5

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
    figure = _figure(3 * INCHES, 3 * INCHES)
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
    rows = -(-len(filters) // COLUMNS)
    figure = _figure(COLUMNS * INCHES, rows * INCHES)
    panels = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for panel in panels:
        panel.set_axis_off()
    for panel, (name, values) in zip(panels, filters.items(), strict=False):
        most = max(float(np.abs(values).max()), 1e-9)
        plane = int(np.argmax(np.abs(values).max(axis=(1, 2))))
        panel.imshow(values[plane], vmin=-most, vmax=most, cmap="RdBu_r")
        panel.set_title(name, fontsize=7)
    _save(figure, path)


def profiles(response: np.ndarray, at: tuple[int, ...]) -> list[np.ndarray]:
    """The lines of (D, H, W) along z, y and x through the voxel `at`."""
    z, y, x = at
    return [response[:, y, x], response[z, :, x], response[z, y, :]]


def save_responses(learned: Mapping[str, np.ndarray], plain: Mapping[str, np.ndarray], path: Path) -> None:
    """Draw every band's responses (D, H, W) along z, y and x, through the peak of the plain one, as a PNG at `path`.

    Learned ones are solid, plain ones dotted. Raises AiwaveError if the file cannot be written.
    """
    rows = -(-len(plain) // COLUMNS)
    figure = _figure(2.4 * COLUMNS, 1.8 * rows)
    panels = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for panel in panels[len(plain) :]:
        panel.set_axis_off()
    for panel, (name, before) in zip(panels, plain.items(), strict=False):
        peak = tuple(int(k) for k in np.unravel_index(np.abs(before).argmax(), before.shape))
        lines = zip(profiles(learned[name], peak), profiles(before, peak), AXES, strict=True)
        for colour, (ours, theirs, axis) in enumerate(lines):
            panel.plot(ours, color=f"C{colour}", linewidth=1, label=axis)
            panel.plot(theirs, color=f"C{colour}", linewidth=1, linestyle=":")
        panel.set_title(name, fontsize=7)
        panel.tick_params(labelsize=5)
    panels[0].legend(fontsize=5)
    _save(figure, path)


def _figure(width: float, height: float) -> "Figure":
    """An empty figure of a size in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: "Figure", path: Path) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=100)
