"""Chunks of a store by several codecs in one run: `python scripts/bench_stores.py STORE [--region R] [--steps 4,8,16]`.

STORE is whatever `aiwave convert` reads. Its voxels are cut into chunks, as in a store, and coded without loss by
blosc-zstd (chunk by chunk), JPEG XL and HTJ2K (each section of a chunk by itself, the best case for them) and by this
package, which also codes them at `--steps`. Then one section and one box of 64^3, at `--rounds` random places, are
decoded from whatever chunks, sections or tiles they touch. One thread; seconds are those of the processor.

The second table is a calculation from the first: what a terabyte (10^12 bytes) would take with a pyramid, whose coarser
levels are a seventh of the voxels; workers share the work evenly, and disks are fast enough.
"""

import argparse
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import imagecodecs
import numpy as np
from numcodecs import Blosc
from tabulate import tabulate

from aiwave.coding.core import at_most_threads
from aiwave.commands.arguments import region_of
from aiwave.conversion.image_source import open_image
from aiwave.conversion.looks import model_for
from aiwave.images.image import peak_of
from aiwave.stores import StoredArray, is_store, open_store
from aiwave.zarr.settings import Settings
from aiwave.zarr.volumes import decode, encode

Box = tuple[slice, ...]

WORKERS = (1, 16, 256)


@dataclass(frozen=True)
class Codec:
    """Codes a chunk (z, y, x), and decodes a box of it; `size` is that of what `encode` returns."""

    name: str
    encode: Callable[[np.ndarray], Any]
    decode: Callable[[Any, tuple[int, ...], Box], np.ndarray]
    size: Callable[[Any], int] = len
    lossless: bool = True


def of_sections(
    name: str, code: Callable[[np.ndarray], bytes | bytearray], restore: Callable[[Any], np.ndarray]
) -> Codec:
    """A codec of images: sections one by one, of which only those of a box are decoded."""
    return Codec(
        name,
        lambda chunk: [code(np.ascontiguousarray(section)) for section in chunk],
        lambda coded, _, box: np.stack([restore(one)[box[1:]] for one in coded[box[0]]]),
        lambda coded: sum(map(len, coded)),
    )


def ours(name: str, settings: Settings, dtype: np.dtype) -> Codec:
    """This package."""

    def decoded(coded: bytes, shape: tuple[int, ...], box: Box) -> np.ndarray:
        return decode(coded, shape, dtype, settings, [(part.start, part.stop) for part in box])

    return Codec(name, lambda chunk: encode(chunk, settings), decoded, lossless=settings.mode == "lossless")


def codecs(source: StoredArray, steps: list[float]) -> Iterator[Codec]:
    """All codecs; ours takes the model that codes parts of the source best."""
    blosc = Blosc("zstd", 5, Blosc.BITSHUFFLE)
    yield Codec(
        "blosc-zstd 5",
        blosc.encode,
        lambda coded, shape, box: np.frombuffer(blosc.decode(coded), source.dtype).reshape(shape)[box],
    )
    yield of_sections(
        "JPEG XL e7", lambda x: imagecodecs.jpegxl_encode(x, lossless=True, effort=7), imagecodecs.jpegxl_decode
    )
    yield of_sections("HTJ2K", lambda x: imagecodecs.htj2k_encode(x, reversible=True), imagecodecs.htj2k_decode)
    yield ours("aiWave", Settings(model_for(source, True, None, None)[0], "lossless"), source.dtype)
    lossy = model_for(source, False, None, None)[0] if steps else ""
    for step in steps:
        yield ours(f"aiWave, step {step:g}", Settings(lossy, {"step": step}), source.dtype)


class Chunks:
    """The chunks of a volume (z, y, x), coded, and what coding and decoding took, in voxels per second."""

    def __init__(self, volume: np.ndarray, side: int, codec: Codec) -> None:
        self.codec, self.shape = codec, volume.shape
        self.sides = [min(side, size) for size in volume.shape]
        starts = [range(0, size, part) for size, part in zip(volume.shape, self.sides, strict=True)]
        self.places = list(product(*starts))
        blocks = [np.ascontiguousarray(volume[self._box(place)]) for place in self.places]
        began = time.process_time()
        coded = [codec.encode(block) for block in blocks]
        self.encode = volume.size / (time.process_time() - began)
        self.held = dict(zip(self.places, coded, strict=True))
        self.size = sum(map(codec.size, coded))
        began = time.process_time()
        decoded = self.read(tuple(slice(0, size) for size in volume.shape))
        self.decode = volume.size / (time.process_time() - began)
        error = np.square(decoded.astype(float) - volume).mean()
        self.psnr = math.inf if error == 0 else 10 * math.log10(peak_of(volume.dtype) ** 2 / error)
        if codec.lossless and error:
            raise SystemExit(f"{codec.name} is not lossless here.")

    def _box(self, place: tuple[int, ...]) -> Box:
        return tuple(slice(a, min(a + k, n)) for a, k, n in zip(place, self.sides, self.shape, strict=True))

    def read(self, box: Box) -> np.ndarray:
        """The voxels of a box, from the chunks that it touches."""
        out = np.empty([part.stop - part.start for part in box], np.float64)
        for place, coded in self.held.items():
            held = self._box(place)
            both = [slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(held, box, strict=True)]
            if any(part.start >= part.stop for part in both):
                continue
            inside = tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(both, held, strict=True))
            goal = tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(both, box, strict=True))
            out[goal] = self.codec.decode(coded, tuple(part.stop - part.start for part in held), inside)
        return out

    def access(self, sides: tuple[int, ...], rounds: int) -> float:
        """Mean milliseconds to read a box of these sides at a random place, the same for all codecs."""
        rng = np.random.default_rng(0)
        sides = tuple(min(side, size) for side, size in zip(sides, self.shape, strict=True))
        starts = [[int(rng.integers(n - k + 1)) for n, k in zip(self.shape, sides, strict=True)] for _ in range(rounds)]
        began = time.process_time()
        for start in starts:
            self.read(tuple(slice(a, a + k) for a, k in zip(start, sides, strict=True)))
        return 1000 * (time.process_time() - began) / rounds


def cost(name: str, chunks: Chunks, itemsize: int) -> list[str]:
    """Estimate for a terabyte."""
    voxels = 1e12 / itemsize * 8 / 7
    hours = voxels / chunks.encode / 3600
    size = 1e12 * 8 / 7 * chunks.size / (math.prod(chunks.shape) * itemsize)
    clock = [f"{hours / n / 24:.1f} d" if hours / n > 48 else f"{hours / n:.1f} h" for n in WORKERS]
    return [name, f"{size / 1e9:.0f} GB", f"{hours:.0f} h", *clock]


def opened(name: str, region: str | None, scratch: Path) -> StoredArray:
    """The source, or a region of it."""
    source = open_store(name) if is_store(name) else open_image(name, scratch, None, None)[0]
    parts = region_of(region) if region else [slice(None)] * len(source.shape)
    return source.part([slice(*part.indices(size)[:2]) for part, size in zip(parts, source.shape, strict=True)])


def main() -> None:
    """Measure, and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", metavar="STORE")
    parser.add_argument("--region", metavar="z0:z1,y0:y1,x0:x1")
    parser.add_argument("--side", type=int, default=128, help="voxels per side of a chunk")
    parser.add_argument("--steps", default="4,8,16", help="quantisation steps")
    parser.add_argument("--rounds", type=int, default=5, help="random places")
    args = parser.parse_args()
    with TemporaryDirectory() as scratch:
        source = opened(args.source, args.region, Path(scratch))
        volume = source.read(tuple(slice(0, size) for size in source.shape))
        rows, costs = [], []
        with at_most_threads(1):
            for codec in codecs(source, [float(step) for step in args.steps.split(",") if step]):
                chunks = Chunks(volume, args.side, codec)
                section, box = chunks.access((1, *volume.shape[1:]), args.rounds), chunks.access((64,) * 3, args.rounds)
                quality = "exact" if math.isinf(chunks.psnr) else f"{chunks.psnr:.1f} dB"
                speeds = [f"{speed / 1e6:.2f}" for speed in (chunks.encode, chunks.decode)]
                ratio = volume.nbytes / chunks.size
                rows.append([codec.name, quality, chunks.size, f"{ratio:.2f}", *speeds, f"{section:.0f}", f"{box:.0f}"])
                if codec.name.startswith("aiWave"):
                    costs.append(cost(f"{codec.name}, {quality}", chunks, volume.itemsize))
    names = ["codec", "quality", "bytes", "ratio", "Mvoxel/s in", "out", "section, ms", "64^3, ms"]
    print(tabulate(rows, names, tablefmt="pipe", disable_numparse=True))
    print(tabulate(costs, ["1 TB by", "becomes", "CPU", *(f"{n} workers" for n in WORKERS)], tablefmt="pipe"))


if __name__ == "__main__":
    main()
