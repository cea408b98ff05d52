"""The figures of README.md and the manual: `python scripts/make_figures.py`, into docs/figures.

- `slices.png`: a section of a generated volume, decoded at a low rate, and the difference. Real volumes are not used,
  since not every licence lets one be copied.
- `speed.png`: bits per voxel over speed of lossless codecs, from `speed.csv`, which is what `scripts/bench_coding.py
  VOLUME=em_lossless,voxels_best,voxels_fast,em_nano --csv FILE` wrote; a row of plots for each volume.
"""

import csv
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

FOLDER = Path(__file__).parents[1] / "docs" / "figures"
SHAPE = (48, 160, 160)
STEP = 26.0
MODEL = "em_nano"
ABOVE = ("center", 0, 7)
"""Alignment of a label, and its distance from its point [pt]."""
LABELS = {
    "aiwave em_lossless": ("em_lossless", "left", 7, -3),
    "reference em_lossless": ("em_lossless\nin PyTorch", "center", 0, -26),
    "aiwave voxels_best": ("voxels_best", *ABOVE),
    "aiwave voxels_fast": ("voxels_fast", "left", 7, -5),
    "JPEG XL e7": ("JPEG XL", *ABOVE),
    "Tomoz": ("Tomoz", "right", -7, -4),
}
TITLES = {"fib25": "FIB-SEM of a fly brain", "qin_ct": "chest CT", "skyra_t1": "T1 brain"}
OURS, OTHERS = "#b8501f", "#54707f"


def slices(path: Path) -> None:
    """Original, decoded and difference of one section of a phantom, with the sizes in the titles."""
    from aiwave import compress, decompress
    from aiwave.datamodules.phantoms.phantom import make_phantom

    volume = make_phantom("em", SHAPE, np.random.default_rng(7))
    data = compress(volume, MODEL, step=STEP)
    decoded = decompress(data)
    difference = decoded.astype(int) - volume
    psnr = 10 * np.log10(255**2 / np.mean(difference.astype(float) ** 2))
    bpp = 8 * len(data) / volume.size
    figure = Figure(figsize=(9, 3.3), layout="constrained", dpi=100)
    left, middle, right = figure.subplots(1, 3)
    z = SHAPE[0] // 2
    for axes, section, title in (
        (left, volume[z], "original, 8 bit/voxel"),
        (middle, decoded[z], f"decoded, {bpp:.2f} bit/voxel, {psnr:.1f} dB"),
    ):
        axes.imshow(section, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set_title(title, fontsize=10)
    right.imshow(difference[z], cmap="RdBu", vmin=-32, vmax=32, interpolation="nearest")
    right.set_title("difference, from -32 to 32", fontsize=10)
    for axes in (left, middle, right):
        axes.set_axis_off()
    figure.savefig(path)


def speed(table: Path, path: Path) -> None:
    """Bits per voxel over the speed of coding and of decoding, lossless, of the largest crop of each volume."""
    with table.open(newline="", encoding="utf-8") as file:
        rows = [
            row for row in csv.DictReader(file) if row["mode"] == "lossless" and row["bpp"] and row["side"].isdecimal()
        ]
    volumes = list(dict.fromkeys(row["volume"] for row in rows))
    figure = Figure(figsize=(9, 0.4 + 3.2 * len(volumes)), layout="constrained", dpi=100)
    plots = figure.subplots(len(volumes), 2, sharex="row", sharey="row", squeeze=False)
    for volume, both in zip(volumes, plots, strict=True):
        own = [row for row in rows if row["volume"] == volume]
        side = max(int(row["side"]) for row in own)
        for axes, what in zip(both, ("encode", "decode"), strict=True):
            _scatter(axes, [row for row in own if int(row["side"]) == side], what)
            axes.set_xlabel(f"{what}: megavoxels per CPU second")
        both[0].set_ylabel(f"{TITLES.get(volume, volume)}: bit/voxel")
    figure.savefig(path)


def _scatter(axes: Axes, rows: list[dict[str, str]], what: str) -> None:
    for row in rows:
        place = float(row[what]), float(row["bpp"])
        colour = OURS if row["codec"].startswith(("aiwave", "reference")) else OTHERS
        axes.scatter(*place, color=colour, zorder=3)
        label, align, right, up = LABELS.get(row["codec"], (row["codec"], *ABOVE))
        axes.annotate(label, place, (right, up), textcoords="offset points", ha=align, fontsize=9, color=colour)
    axes.set_xscale("log")
    axes.margins(0.2)
    axes.grid(alpha=0.3)


def main() -> None:
    """See the module."""
    slices(FOLDER / "slices.png")
    speed(FOLDER / "speed.csv", FOLDER / "speed.png")


if __name__ == "__main__":
    main()
