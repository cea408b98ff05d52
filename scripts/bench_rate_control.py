"""CPU time of a PSNR or a rate asked for, in units of coding with the step found:

`python scripts/bench_rate_control.py VOLUME=MODEL ... [--crop D H W] [--psnr 85 ...] [--bpp 0.7 ...]`

Each volume, or a crop at its first corner, is coded for each target, and again with the step that was
found; the faster of `--rounds` counts. Both files must be the same, and the first is decoded and measured.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from tabulate import tabulate

from aiwave import compress, decompress, info
from aiwave.images.image import peak_of
from aiwave.images.image_files import read_image


def main() -> None:
    """Print a table, with a row for each volume and target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("volumes", nargs="+", metavar="VOLUME=MODEL")
    parser.add_argument("--crop", nargs=3, type=int, default=[None] * 3, metavar=("D", "H", "W"))
    parser.add_argument("--psnr", nargs="*", type=float, default=[])
    parser.add_argument("--bpp", nargs="*", type=float, default=[])
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    rows = []
    for name, _, model in (word.rpartition("=") for word in given.volumes):
        image = read_image(name)
        voxels = np.ascontiguousarray(image.voxels[tuple(slice(side) for side in given.crop)])
        for target in [{"psnr": value} for value in given.psnr] + [{"bpp": value} for value in given.bpp]:
            rows.append([name, *measured(voxels, model, target, given.rounds)])
            print(tabulate(rows[-1:], tablefmt="plain"), flush=True)
    print(tabulate(rows, ["volume", "target", "reached", "step", "time"], "pipe"))


def measured(voxels: np.ndarray, model: str, target: dict[str, Any], rounds: int) -> list[str]:
    """Target, what was reached, the step found, and the time in units of that of coding with the step."""
    data, searched = timed(lambda: compress(voxels, model=model, **target), rounds)
    step = info(data)["step"]
    again, coded = timed(lambda: compress(voxels, model=model, step=step), rounds)
    if data != again:
        raise SystemExit(f"Coding with step {step} gave other bytes than the search for {target}.")
    (kind, value), bpp = *target.items(), 8 * len(data) / voxels.size
    errors = decompress(data, model=model).astype(float) - voxels
    psnr = 10 * np.log10(peak_of(voxels.dtype) ** 2 / np.mean(errors**2))
    reached = f"{psnr:.2f}" if kind == "psnr" else f"{bpp:.3f}"
    return [f"{kind} {value:g}", reached, f"{step:.2f}", f"{searched / coded:.2f}"]


def timed(work: Callable[[], bytes], rounds: int) -> tuple[bytes, float]:
    """The result, and the least CPU time of several runs [s]."""
    seconds = []
    for _ in range(rounds):
        started = time.process_time()
        result = work()
        seconds.append(time.process_time() - started)
    return result, min(seconds)


if __name__ == "__main__":
    main()
