"""Figure of the impulse responses of a learned transform beside those of the wavelet that it started from."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..writing import replacing

AXES = ("z", "y", "x")

COLUMNS = 5


def profiles(response: np.ndarray, at: tuple[int, ...]) -> list[np.ndarray]:
    """The lines of (D, H, W) along z, y and x through the voxel `at`."""
    z, y, x = at
    return [response[:, y, x], response[z, :, x], response[z, y, :]]


def save_responses(learned: Mapping[str, np.ndarray], plain: Mapping[str, np.ndarray], path: Path) -> None:
    """Draw every band's responses (D, H, W) along z, y and x, through the peak of the plain one, as a PNG at `path`.

    Learned ones are solid, plain ones dotted. Raises AiwaveError if the file cannot be written.
    """
    from matplotlib.figure import Figure

    rows = -(-len(plain) // COLUMNS)
    figure = Figure(figsize=(2.4 * COLUMNS, 1.8 * rows), layout="constrained")
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
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=100)
