"""Speed next to other codecs: `python scripts/bench_coding.py VOLUME=MODEL,MODEL,... [--csv FILE]`.

Lossless models are compared without loss, the others at every step. A volume is an image or a folder of them, which are
joined along x; crops of `--sides` voxels (`128`, or `48x512x512` along z, y and x) are taken from its corner, mirrored
where it is too small. Codecs take turns, on one thread, `--rounds` times, and the fastest round counts; every lossless
round trip is checked. The PyTorch reference codes crops of at most `--reference` megavoxels, with the first model of
either kind. Tomoz takes part if it is installed (`pip install tomoz`). Speeds are megavoxels per CPU second, and per
second on the clock.

Then processes of their own code and decode the same crops with the same models by `--threads` threads: megavoxels per
second on the clock, and peak memory of the whole process (on Linux). With `--rounds 0` they are all that is measured.
`scripts/make_figures.py` draws the CSV.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, Literal

import imagecodecs
import numpy as np
import torch
from tabulate import tabulate

from aiwave import compress, decompress
from aiwave.api import find_model
from aiwave.bitstream.model import Model
from aiwave.coding.core import NAME, compiled_core
from aiwave.evaluation.anchors.anchor import to_unsigned
from aiwave.images.image_files import read_image

Codec = tuple[Callable[[np.ndarray], Any], Callable[[Any], np.ndarray]]
COLUMNS = ("volume", "side", "mode", "codec", "threads", "bpp", "encode", "decode", "encode wall", "decode wall")
MEMORY = ("encode MiB", "decode MiB")

PROCESS = """
import re, sys, time
from pathlib import Path
import numpy as np
import aiwave
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
volume, model, step = np.load(sys.argv[1]), sys.argv[2], float(sys.argv[3])
options = {"model_only": True, **({"step": step} if step else {"lossless": True})}
aiwave.decompress(aiwave.compress(volume[:16, :16, :16], model, **options))  # loads the model and makes its tables
began = time.perf_counter()
data = aiwave.compress(volume, model, **options)
coded, most = time.perf_counter(), peak()
aiwave.decompress(data)
print(coded - began, time.perf_counter() - coded, most, peak())
"""


def ours(core: str, model: Model, **options: Any) -> Codec:
    """This package with one of its cores, `native` or `reference`."""

    def with_core(work: Callable, *arguments: Any, **given: Any) -> Any:
        os.environ[NAME] = core
        return work(*arguments, **given)

    return (
        lambda volume: with_core(compress, volume, model, model_only=True, **options),
        lambda data: with_core(decompress, data, model=model),
    )


def slices(encode: Callable, decode: Callable) -> Codec:
    """A codec of images, section by section."""
    return (
        lambda volume: [encode(np.ascontiguousarray(section)) for section in to_unsigned(volume)[0]],
        lambda parts: np.stack([decode(part) for part in parts]),
    )


def lossless_codecs() -> Iterator[tuple[str, Codec]]:
    """The other lossless codecs, whose volumes come back with a constant added to signed voxels."""
    yield (
        "JPEG XL e7",
        slices(lambda x: imagecodecs.jpegxl_encode(x, lossless=True, effort=7), imagecodecs.jpegxl_decode),
    )
    yield "HTJ2K", slices(lambda x: imagecodecs.htj2k_encode(x, reversible=True), imagecodecs.htj2k_decode)
    yield "JPEG 2000", slices(lambda x: imagecodecs.jpeg2k_encode(x, reversible=True), imagecodecs.jpeg2k_decode)
    yield "JPEG-LS", slices(imagecodecs.jpegls_encode, imagecodecs.jpegls_decode)
    encode, decode = sperr(0.49, "pwe")  # every error is below one half, which rounding removes
    yield "SPERR", (lambda volume: encode(to_unsigned(volume)[0]), lambda data: np.rint(decode(data)))
    try:
        import tomoz
    except ImportError:
        print("Tomoz is not installed: pip install tomoz")
        return
    yield "Tomoz", (lambda volume: tomoz.encode(to_unsigned(volume)[0].astype(np.uint16)), tomoz.decode)


def sperr(quality: float, mode: Literal["psnr", "pwe"]) -> Codec:
    """SPERR at a PSNR (`psnr`), or with a largest error (`pwe`)."""
    return (
        lambda volume: imagecodecs.sperr_encode(volume.astype(np.float32), quality, mode, numthreads=1),
        lambda data: np.asarray(imagecodecs.sperr_decode(data, numthreads=1)),
    )


def measured(codec: Codec, volume: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Bits per voxel; CPU seconds of coding and decoding, and those on the clock, (4,); the decoded volume."""
    encode, decode = codec
    clocks = [(time.process_time(), time.perf_counter())]
    data = encode(volume)
    clocks.append((time.process_time(), time.perf_counter()))
    decoded = decode(data)
    clocks.append((time.process_time(), time.perf_counter()))
    size = sum(map(len, data)) + 4 * len(data) if isinstance(data, list) else len(data)
    return 8 * size / volume.size, np.diff(np.array(clocks), axis=0).T.ravel(), decoded


def shape_of(text: str) -> tuple[int, ...]:
    """The shape that `128` or `48x512x512` means: (D, H, W)."""
    sides = tuple(map(int, text.split("x")))
    if len(sides) not in (1, 3) or min(sides) < 1:
        raise ValueError(text)
    return sides if len(sides) == 3 else 3 * sides


def crop(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """The first voxels, mirrored where there are fewer: (D, H, W)."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    parts = [np.asarray(read_image(str(file)).voxels) for file in files]
    parts = [part[0] if part.ndim == 4 else part for part in parts]
    whole = np.concatenate([part for part in parts if part.shape[:2] == parts[0].shape[:2]], axis=2)
    for axis, side in enumerate(shape):
        while whole.shape[axis] < side:
            whole = np.concatenate((whole, np.flip(whole, axis)), axis)
    return np.ascontiguousarray(whole[tuple(map(slice, shape))])


def compared(
    volume: np.ndarray, models: list[Model], steps: list[float], reference: bool
) -> list[tuple[str, str, Codec]]:
    """Mode, name and codec of all that takes part."""
    lossless = [model for model in models if model.only_lossless]
    parts = _both(lossless, "lossless", reference, lossless=True)
    parts += [("lossless", name, codec) for name, codec in lossless_codecs()]
    for step in steps:
        parts += _both([model for model in models if not model.only_lossless], f"step {step:g}", reference, step=step)
        noise = step / 12**0.5
        psnr = 20 * np.log10(float(np.ptp(volume)) / noise)
        parts.append((f"step {step:g}", "SPERR", sperr(psnr, "psnr")))
    return parts


def _both(models: list[Model], mode: str, reference: bool, **options: Any) -> list[tuple[str, str, Codec]]:
    """The models in the compiled core, and the first in the reference."""
    parts = [(mode, f"aiwave {model.name}", ours("native", model, **options)) for model in models]
    if models and reference:
        parts.insert(1, (mode, f"reference {models[0].name}", ours("reference", models[0], **options)))
    return parts


def rows_of(name: str, side: str, volume: np.ndarray, parts: list[tuple[str, str, Codec]], rounds: int) -> list[tuple]:
    """The rows of a table, fastest round of each."""
    sizes: dict[int, float] = {}
    best: dict[int, np.ndarray] = {}
    for _ in range(rounds):
        for k, (mode, label, codec) in enumerate(parts):
            sizes[k], seconds, back = measured(codec, volume)
            original = volume if label.startswith(("aiwave", "reference")) else to_unsigned(volume)[0]
            if mode == "lossless" and not np.array_equal(back, original):
                raise AssertionError(f"{label} has not returned the volume")
            best[k] = np.minimum(best.get(k, seconds), seconds)
    voxels = volume.size / 1e6
    return [(name, side, *parts[k][:2], 1, sizes[k], *(voxels / best[k])) for k in sizes]


def alone(name: str, side: str, volume: np.ndarray, model: Model, file: str, steps: list[float], threads: int) -> list:
    """Rows of speed on the clock and peak memory, by a process for each mode."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "volume.npy", volume)
        for step in [0.0] if model.only_lossless else steps:
            command = [sys.executable, "-c", PROCESS, f"{folder}/volume.npy", file, str(step)]
            environment = os.environ | {"OMP_NUM_THREADS": str(threads), NAME: "native"}
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            encode, decode, first, last = map(float, done.stdout.split())
            speeds = volume.size / 1e6 / encode, volume.size / 1e6 / decode
            mode = f"step {step:g}" if step else "lossless"
            rows.append((name, side, mode, f"aiwave {model.name}", threads, *speeds, first / 1024, last / 1024))
    return rows


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("volumes", nargs="+", metavar="VOLUME=MODEL,...")
    parser.add_argument("--sides", type=shape_of, nargs="+", default=list(map(shape_of, ("64", "128", "256"))))
    parser.add_argument("--steps", type=float, nargs="+", default=[5.6, 25])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--reference", type=float, default=0.3)
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--csv", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if compiled_core() is None:
        raise SystemExit("The compiled core is missing.")
    rows, processes = [], []
    for given in arguments.volumes:
        path, _, names = given.rpartition("=")
        models = {file: find_model(file) for file in names.split(",")}
        for shape in arguments.sides:
            side = "x".join(map(str, shape if len(set(shape)) > 1 else shape[:1]))
            volume = crop(Path(path), shape)
            small = volume.size <= 1e6 * arguments.reference
            parts = compared(volume, list(models.values()), arguments.steps, small)
            rows += rows_of(Path(path).name, side, volume, parts, arguments.rounds)
            for threads, (file, model) in product(arguments.threads, models.items()):
                processes += alone(Path(path).name, side, volume, model, file, arguments.steps, threads)
    print(tabulate(rows, COLUMNS, floatfmt=".3f", tablefmt="github"))
    print(tabulate(processes, (*COLUMNS[:5], *COLUMNS[-2:], *MEMORY), floatfmt=".3f", tablefmt="github"))
    if arguments.csv:
        with arguments.csv.open("w", newline="") as table:
            writer = csv.writer(table)
            writer.writerow((*COLUMNS, *MEMORY))
            writer.writerows((*row, "", "") for row in rows)
            writer.writerows((*row[:5], "", "", "", *row[5:]) for row in processes)


if __name__ == "__main__":
    main()
