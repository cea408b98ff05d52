"""Lossless sizes next to other codecs: `python scripts/compare_lossless.py DATA [--csv FILE]`.

Codes every volume in DATA/*/* with the model that `aiwave compress` chooses, JPEG XL, HTJ2K, JPEG-LS, JPEG 2000, SPERR
and, if it is installed (`pip install tomoz`), Tomoz; all are decoded and compared. Prints bits per voxel, the mean of
each folder, and how far ours is below the best other.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from bench_coding import Codec, lossless_codecs
from tabulate import tabulate

from aiwave import compress, decompress
from aiwave.evaluation.anchors.anchor import to_unsigned
from aiwave.images.image_files import read_image

OURS = "aiwave"


CODECS: dict[str, Codec] = {
    OURS: (lambda volume: compress(volume, lossless=True), decompress),
    **dict(lossless_codecs()),
}


def volumes(voxels: np.ndarray) -> list[np.ndarray]:
    """The volumes of a series, or the only one."""
    return list(voxels.reshape(-1, *voxels.shape[-3:]))


def bits(name: str, voxels: np.ndarray) -> int:
    """Size of an image in bits. Raises AssertionError if it does not come back."""
    encode, decode = CODECS[name]
    total = 0
    for volume in [voxels] if name == OURS else volumes(voxels):
        data = encode(np.ascontiguousarray(volume))
        back = decode(data)
        if not (np.array_equal(back, volume) or np.array_equal(back, to_unsigned(volume)[0])):
            raise AssertionError(f"{name} has not returned the volume")
        total += 8 * (sum(len(part) + 4 for part in data) if isinstance(data, list) else len(data))
    return total


def row_of(folder: Path) -> list[float]:
    """Mean bits per voxel of the images of a folder, per codec."""
    images = [np.asarray(read_image(str(file)).voxels) for file in sorted(folder.iterdir())]
    return [float(np.mean([bits(name, voxels) / voxels.size for voxels in images])) for name in CODECS]


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--csv", type=Path)
    arguments = parser.parse_args()
    rows = []
    for folder in sorted(each for each in arguments.data.iterdir() if each.is_dir()):
        ours, *others = row_of(folder)
        rows.append([folder.name, ours, *others, f"{100 * (ours / min(others) - 1):+.1f} %"])
        print(tabulate(rows[-1:], tablefmt="plain", floatfmt=".3f"), flush=True)
    headers = ["set", *CODECS, "to the best other"]
    print(tabulate(rows, headers, tablefmt="github", floatfmt=".3f"))
    if arguments.csv:
        with arguments.csv.open("w", newline="") as file:
            csv.writer(file).writerows([headers, *rows])


if __name__ == "__main__":
    main()
