"""Sizes within a largest error: `python scripts/compare_bounded.py DATA [--errors 1 2 5 10]`.

Codes the volumes in DATA/*/*, of series the first, and of larger ones the middle 64x128x128, with `max_error` and with
four other codecs; all are decoded, rounded and compared. Codecs of real numbers are given a tolerance of E + 0.49, and
zfp, whose errors are far below its tolerance, the largest power of two times that with which it holds. Prints bytes per
set and those of all; a codec that breaks the bound is told with its error.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
from tabulate import tabulate

from aiwave import compress, decompress
from aiwave.evaluation.anchors.anchor import from_unsigned, to_unsigned
from aiwave.images.image_files import read_image

LARGEST = (64, 128, 128)
ROUNDED = 0.49
Coded = tuple[int, np.ndarray]
"""Bytes, and the decoded volume, real numbers or integers."""


def aiwave(volume: np.ndarray, error: int) -> Coded:
    """This package, with the model of its own choice."""
    data = compress(volume, max_error=error)
    return len(data), decompress(data)


def jpeg_ls(volume: np.ndarray, error: int) -> Coded:
    """Near-lossless JPEG-LS, section by section, with 4 bytes for the length of each."""
    unsigned, shift = to_unsigned(volume)
    parts = [imagecodecs.jpegls_encode(np.ascontiguousarray(section), level=error) for section in unsigned]
    decoded = np.stack([imagecodecs.jpegls_decode(part) for part in parts])
    return sum(len(part) + 4 for part in parts), from_unsigned(decoded, shift, volume.dtype)


def sz3(volume: np.ndarray, error: int) -> Coded:
    """SZ3 in three dimensions with an absolute bound."""
    data = imagecodecs.sz3_encode(volume.astype(np.float32), mode="abs", abs=error + ROUNDED)
    return len(data), imagecodecs.sz3_decode(data, volume.shape, np.float32)


def sperr(volume: np.ndarray, error: int) -> Coded:
    """SPERR in three dimensions with a point-wise bound."""
    data = imagecodecs.sperr_encode(volume.astype(np.float32), error + ROUNDED, "pwe", numthreads=1)
    return len(data), np.asarray(imagecodecs.sperr_decode(data, numthreads=1))


def zfp(volume: np.ndarray, error: int) -> Coded:
    """ZFP in three dimensions with fixed accuracy, as coarse as keeps the bound."""
    best: Coded | None = None
    for power in range(8):
        data = imagecodecs.zfp_encode(volume.astype(np.float32), level=(error + ROUNDED) * 2**power, mode="accuracy")
        decoded = np.asarray(imagecodecs.zfp_decode(data))
        if best is not None and np.abs(np.rint(decoded) - volume).max() > error:
            break
        best = len(data), decoded
    assert best is not None
    return best


CODECS: dict[str, Callable[[np.ndarray, int], Coded]] = {
    "aiwave": aiwave,
    "JPEG-LS": jpeg_ls,
    "SZ3": sz3,
    "SPERR": sperr,
    "ZFP": zfp,
}


def largest_error(volume: np.ndarray, decoded: np.ndarray) -> int:
    """The largest error of decoded voxels, rounded and clipped to the type."""
    limits = np.iinfo(volume.dtype)
    voxels = np.rint(decoded.astype(np.float64)).clip(limits.min, limits.max)
    return int(np.abs(voxels - volume).max())


def read_part(file: Path) -> np.ndarray:
    """The middle of the volume of a file, or of the first of a series: at most LARGEST voxels."""
    voxels = read_image(str(file)).voxels
    first = voxels.reshape(-1, *voxels.shape[-3:])[0]
    starts = [max(0, (size - most) // 2) for size, most in zip(first.shape, LARGEST, strict=True)]
    return np.ascontiguousarray(first[tuple(slice(a, a + most) for a, most in zip(starts, LARGEST, strict=True))])


def measure(files: list[Path], error: int) -> list[int]:
    """Bytes of the files per codec, in the order of CODECS."""
    totals = dict.fromkeys(CODECS, 0)
    for file in files:
        volume = read_part(file)
        for name, codec in CODECS.items():
            size, decoded = codec(volume, error)
            totals[name] += size
            found = largest_error(volume, decoded)
            if found > error:
                print(f"{file}: {name} has an error of {found} instead of {error}", flush=True)
    return list(totals.values())


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--errors", nargs="+", type=int, default=[1, 2, 5, 10])
    arguments = parser.parse_args()
    folders = sorted(folder for folder in arguments.data.iterdir() if folder.is_dir())
    for error in arguments.errors:
        rows = [[folder.name, *measure(sorted(folder.iterdir()), error)] for folder in folders]
        rows.append(["all", *(sum(column) for column in list(zip(*rows, strict=True))[1:])])
        headers = [f"E = {error}", *CODECS, "to best other"]
        table = [[*row, f"{100 * (row[1] / min(row[2:]) - 1):+.1f} %"] for row in rows]
        print(tabulate(table, headers, tablefmt="github", disable_numparse=True), "\n", flush=True)


if __name__ == "__main__":
    main()
