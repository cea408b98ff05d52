"""Cost of integer arithmetic in a lossless codec: `python scripts/bench_lossless.py --run RUN VOLUME.tif ...`.

Bits per voxel of the float transform and of the integer one under the float entropy model, then of real bytes; and the
CPU seconds of transform and coder, one thread. Every volume is decoded and compared.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import tifffile
import torch

from aiwave.coding.band_coder import BandCoder
from aiwave.coding.constants import log_step_of
from aiwave.coding.exact_transform import ExactTransform
from aiwave.coding.model_parts import model_to_arrays
from aiwave.coding.to_integer.entropy_from_float import integer_model
from aiwave.coding.to_integer.lifting_from_float import integer_transform
from aiwave.models.codec import WaveletCodec
from aiwave.runs.run_folder import RunFolder, last_finished
from aiwave.training.stage_codec import trained_codec

Result = TypeVar("Result")
STEP = log_step_of(1.0)
COLUMNS = ("float", "integer", "bytes", "forward s", "encode s", "decode s", "inverse s")


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """The result and CPU seconds."""
    started = time.process_time()
    return work(), time.process_time() - started


@torch.inference_mode()
def measure(codec: WaveletCodec, transform: ExactTransform, coder: BandCoder, file: Path) -> list[float]:
    """The figures of one volume, as COLUMNS. Raises AssertionError if it does not come back."""
    x = torch.from_numpy(tifffile.imread(file).astype("int64"))[None, None]
    one = torch.ones(1)
    in_float = codec.entropy(codec.transform(x.float()), one).sum().item()
    bands, forward = timed(lambda: transform.forward(x))
    in_integers = codec.entropy(bands.map(lambda band: band.float()), one).sum().item()
    segments, encode = timed(lambda: coder.encode(bands, STEP))
    decoded, decode = timed(lambda: coder.decode(segments, bands.size, STEP))
    back, inverse = timed(lambda: transform.inverse(decoded))
    assert torch.equal(back, x)
    real = 8 * sum(len(segment) for tile in segments for segment in tile)
    return [*(bits / x.numel() for bits in (in_float, in_integers, real)), forward, encode, decode, inverse]


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("volumes", nargs="+", type=Path)
    parser.add_argument("--run", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    run = RunFolder(arguments.run)
    cfg = run.read_config()
    codec = trained_codec(cfg, run, last_finished(cfg, run))
    transform, model = integer_transform(codec.transform), integer_model(codec.entropy)
    sizes = [sum(array.nbytes for array in model_to_arrays(part)[1].values()) for part in (transform, model)]
    print(f"transform {sizes[0]} bytes, entropy model {sizes[1]} bytes")
    coder = BandCoder(model)
    rows = [measure(codec, ExactTransform(transform), coder, file) for file in arguments.volumes]
    means = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    for label, row in [("", None), *zip([file.name for file in arguments.volumes], rows, strict=True), ("mean", means)]:
        cells = COLUMNS if row is None else [f"{value:.4f}" for value in row]
        print(f"{label:40}" + "".join(f"{cell:>11}" for cell in cells))
    print(f"integer / float {means[1] / means[0] - 1:+.3%}, bytes / float {means[2] / means[0] - 1:+.3%}")


if __name__ == "__main__":
    main()
