"""Rates at equal PSNR next to other codecs: `python scripts/compare_lossy.py DATA ANCHORS.csv [--csv FILE]`.

Codes every volume in DATA/*/* with the model that `aiwave compress` chooses, or `--model NAME`, at five PSNRs that
span the range common to the points of the other codecs for that file in ANCHORS.csv (dataset, file, codec, bpp,
psnr_db, as `aiwave anchors` writes them), and decodes it. Prints the BD-rate against each codec, mean over the volumes
of a folder, and the models chosen; the CSV gets the points.
"""

import argparse
import csv
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
from tabulate import tabulate

from aiwave import compress, decompress, info
from aiwave.evaluation.anchors.run_jobs import psnr as psnr_of
from aiwave.images.image import peak_of
from aiwave.images.image_files import read_image
from aiwave.pretrained.choice import AUTO, shipped_by_identity
from aiwave.report.metrics.curves import Curve, bd_rate

POINTS = 5
Points = dict[str, list[tuple[float, float]]]
"""Rates [bit/voxel] and PSNRs [dB] of one file, by codec."""


def read_anchors(file: Path) -> dict[tuple[str, str], Points]:
    """The lossy points of every file, by set and name; at least three for each codec."""
    points: dict[tuple[str, str], Points] = defaultdict(lambda: defaultdict(list))
    with file.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if math.isfinite(psnr := float(row["psnr_db"])):
                points[row["dataset"], row["file"]][row["codec"]].append((float(row["bpp"]), psnr))
    return {key: {codec: rows for codec, rows in by.items() if len(rows) > 2} for key, by in points.items()}


def targets(anchors: Points) -> np.ndarray:
    """PSNRs [dB] from the highest lowest to the lowest highest of the codecs."""
    low = max(min(psnr for _, psnr in rows) for rows in anchors.values())
    high = min(max(psnr for _, psnr in rows) for rows in anchors.values())
    return np.linspace(low, high, POINTS)


def measured(voxels: np.ndarray, model: str, psnr: float) -> tuple[float, float, str]:
    """Rate, PSNR and model of a volume that is coded, decoded and compared."""
    data = compress(voxels, model, psnr=psnr)
    reached = psnr_of(decompress(data).astype(np.int64) - voxels, peak_of(voxels.dtype))
    used = shipped_by_identity(info(data)["model"])
    return 8 * len(data) / voxels.size, reached, used.name if used else model


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("anchors", type=Path)
    parser.add_argument("--model", default=AUTO, help="a ready-made model or a file")
    parser.add_argument("--csv", type=Path)
    arguments = parser.parse_args()
    anchors, table, lines = read_anchors(arguments.anchors), [], []
    for folder in sorted(each for each in arguments.data.iterdir() if each.is_dir()):
        deltas, models = defaultdict(list), set()
        for file in sorted(folder.iterdir()):
            others = anchors[folder.name, file.name]
            voxels = np.asarray(read_image(str(file)).voxels)
            found = [measured(voxels, arguments.model, psnr) for psnr in targets(others)]
            models |= {model for *_, model in found}
            lines += [(folder.name, file.name, model, bpp, psnr) for bpp, psnr, model in found]
            ours = Curve.of((bpp, psnr) for bpp, psnr, _ in found)
            for codec, points in others.items():
                deltas[codec].append(bd_rate(Curve.of(points), ours).value)
        row = {"set": folder.name} | {codec: float(np.mean(values)) for codec, values in sorted(deltas.items())}
        table.append(row | {"models": ", ".join(sorted(models))})
        print(tabulate([table[-1]], tablefmt="plain", floatfmt="+.1f"), flush=True)
    print(tabulate(table, headers="keys", tablefmt="github", floatfmt="+.1f"))
    if arguments.csv:
        with arguments.csv.open("w", newline="") as out:
            csv.writer(out).writerows([("set", "file", "model", "bpp", "psnr_db"), *lines])


if __name__ == "__main__":
    main()
