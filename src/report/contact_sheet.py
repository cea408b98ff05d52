"""Contact sheet of a data set: three planes of some volumes per split, and histograms of their values."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import AiwaveError
from ..writing import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..datamodules.volume import Volume

PLANES = ("z", "y", "x")
TILE_INCHES = 1.35
BINS = 128
WINDOW = (0.5, 99.5)  # percentiles shown as black and white


def save_contact_sheet(splits: Mapping[str, Sequence["Volume"]], title: str, path: Path) -> None:
    """Draw the volumes of every split as a PNG at `path`, written atomically.

    Raises:
        AiwaveError: If there is no volume or the file cannot be written.
    """
    figure = contact_sheet(splits, title)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150)


def contact_sheet(splits: Mapping[str, Sequence["Volume"]], title: str) -> "Figure":
    """Return the figure that `save_contact_sheet` saves.

    One block of rows per split, with each volume's middle planes across z, y and x in a column; below the blocks, the
    histogram of all volumes shown. Black and white are the percentiles 0.5 and 99.5 of each split, printed beside it:
    on a common scale, a dim split would be black beside a bright one.

    Raises:
        AiwaveError: If there is no volume.
    """
    from matplotlib.figure import Figure

    shown = {split: volumes for split, volumes in splits.items() if volumes}
    if not shown:
        raise AiwaveError("There are no volumes to show.")
    columns = max(len(volumes) for volumes in shown.values())
    size = (TILE_INCHES * max(columns, 4) + 0.5, TILE_INCHES * 3 * len(shown) + 2.6)
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(title, fontsize=9)
    blocks = figure.subfigures(len(shown) + 1, 1, height_ratios=[3.0] * len(shown) + [1.6], squeeze=False).ravel()
    for block, (split, volumes) in zip(blocks, shown.items(), strict=False):
        low, high = np.percentile(np.concatenate([volume.voxels.ravel() for volume in volumes]), WINDOW)
        block.supylabel(f"{split}\n{low:g} (black) to {high:g} (white)", fontsize=8, multialignment="center")
        panels = block.subplots(len(PLANES), columns, squeeze=False)
        for panel in panels.ravel():
            panel.set_axis_off()
        for volume, column in zip(volumes, panels.T, strict=False):
            _draw_planes(volume, column, (float(low), float(high)))
    _draw_histogram(blocks[-1].subplots(), shown)
    return figure


def _draw_planes(volume: "Volume", panels: Sequence["Axes"], window: tuple[float, float]) -> None:
    for axis, panel in enumerate(panels):
        plane = np.take(volume.voxels, volume.shape[axis] // 2, axis=axis)
        panel.imshow(plane, cmap="gray", vmin=window[0], vmax=max(window[1], window[0] + 1), interpolation="nearest")
        height, width = plane.shape
        panel.set_title(f"{PLANES[axis]}  {width}×{height}", fontsize=5, pad=2)
    panels[0].set_title(f"{volume.file}\n{panels[0].get_title()}", fontsize=5, pad=2)


def _draw_histogram(panel: "Axes", splits: Mapping[str, Sequence["Volume"]]) -> None:
    voxels = {split: np.concatenate([volume.voxels.ravel() for volume in volumes]) for split, volumes in splits.items()}
    low = min(int(v.min()) for v in voxels.values())
    high = max(int(v.max()) for v in voxels.values())
    width = -(-(high - low + 1) // BINS)  # whole values: a bin of 1.3 values would give a comb-like histogram
    edges = np.arange(low, high + width + 1, width) - 0.5
    for split, values in voxels.items():
        density, _ = np.histogram(values, bins=edges, density=True)
        panel.stairs(density, edges, label=f"{split}: {values.min()} to {values.max()}")
    panel.set_yscale("log")
    panel.set_xlabel("stored value", fontsize=7)
    panel.set_ylabel("density", fontsize=7)
    panel.tick_params(labelsize=6)
    panel.legend(fontsize=6)
