"""Check .aiw files of your volumes: `python scripts/verify_files.py --model M.aiwm --steps 2 10 -- VOLUME ...`.

Every volume is compressed and decompressed by the command line, in two processes with different numbers of threads.
Lossless files must give every voxel back; lossy ones may differ by one grey level from what the encoder reconstructs.
Prints a row per file, appended to `--table` if given, and ends with 1 if any file fails.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from aiwave.api import decompress
from aiwave.images import read_image

COLUMNS = ("file", "quality", "bpp", "psnr_db", "encode_s", "decode_s", "off_encoder", "passed")


def run(threads: int, *words: object) -> float:
    """Run the command line with so many threads. Seconds; raises CalledProcessError with what it said."""
    started = time.perf_counter()
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    subprocess.run([sys.executable, "-m", "aiwave", *map(str, words)], env=environment, check=True)
    return time.perf_counter() - started


def reconstructed(packed: Path, model: Path, threads: int) -> np.ndarray:
    """The encoder's own reconstruction: its coefficients (checksums warrant them) through its own transform."""
    torch.set_num_threads(threads)
    return decompress(packed.read_bytes(), model=model)


def check(file: Path, model: Path, step: float | None, threads: tuple[int, int]) -> dict[str, object]:
    """Code one volume both ways, `step` None: losslessly. The row of the table."""
    volume = read_image(str(file)).voxels
    with tempfile.TemporaryDirectory() as folder:
        packed, back = Path(folder) / "a.aiw", Path(folder) / "a.npy"
        quality = ["--lossless"] if step is None else ["--step", step]
        encode_s = run(threads[0], "compress", file, packed, "--model", model, "--quiet", *quality)
        decode_s = run(threads[1], "decompress", packed, back, "--model", model, "--quiet")
        decoded, size = np.load(back), packed.stat().st_size
        expected = volume if step is None else reconstructed(packed, model, threads[0])
    off = np.abs(decoded.astype(float) - expected.astype(float)).max()
    mse = np.square(decoded.astype(float) - volume).mean()
    peak = 255.0 if volume.itemsize == 1 else 65535.0
    row = [
        file.name,
        step or 0,
        f"{8 * size / volume.size:.4f}",
        f"{10 * np.log10(peak**2 / mse) if mse else np.inf:.2f}",
    ]
    passed = decoded.dtype == volume.dtype and off <= (0 if step is None else 1)
    return dict(zip(COLUMNS, [*row, f"{encode_s:.1f}", f"{decode_s:.1f}", int(off), passed], strict=True))


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("volumes", nargs="+", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--steps", type=float, nargs="*", default=[], help="quantisation steps; none: lossless")
    parser.add_argument("--threads", type=int, nargs=2, default=[1, 2], help="of the encoder and the decoder")
    parser.add_argument("--table", type=Path, help="a CSV file to append the rows to")
    arguments = parser.parse_args()
    threads, failed = (arguments.threads[0], arguments.threads[1]), 0
    print(",".join(COLUMNS))
    for file in arguments.volumes:
        for step in arguments.steps or [None]:
            row = check(file, arguments.model, step, threads)
            failed += not row["passed"]
            print(",".join(map(str, row.values())), flush=True)
            if arguments.table is not None:
                with arguments.table.open("a", newline="") as table:
                    csv.writer(table).writerow(row.values())
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
