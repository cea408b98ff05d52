"""The reference coder: what integers cost, and where the time goes: `scripts/bench_reference.py --run RUN VOLUME.tif`.

Speed next to other codecs and to the compiled core is a matter of `scripts/bench_coding.py`.

Without a run the model is random (`--channels`, `--layers`), without volumes the coefficients are noise. Ratios come
from one process on one machine; CPU seconds hardly feel other programs, wall-clock seconds do.
"""

import argparse
import cProfile
import itertools
import os
import pstats
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from aiwave.bitstream import Model, compress, decompress
from aiwave.bitstream.from_codec import model_file
from aiwave.coding.band_coder import BandCoder
from aiwave.coding.constants import log_step_of
from aiwave.coding.context_state import ContextCoding
from aiwave.coding.model_parts import model_to_arrays
from aiwave.coding.to_integer.entropy_from_float import integer_model
from aiwave.models.codec import WaveletCodec
from aiwave.models.entropy import ContextEntropy, EntropyModel, LogisticMixture
from aiwave.models.post import NoPost
from aiwave.models.quantisation.rate import VariableRate
from aiwave.models.subbands import Subbands
from aiwave.models.transform.wavelet_transform import WaveletTransform


def measured(work: Callable) -> tuple[object, float, float]:
    """The result, CPU seconds, those of processes that have ended included, and wall-clock seconds."""
    wall, cpu = time.perf_counter(), sum(os.times()[:4])
    result = work()
    return result, sum(os.times()[:4]) - cpu, time.perf_counter() - wall


def trained(run: Path) -> WaveletCodec:
    """The codec of a run's last stage."""
    from aiwave.runs.run_folder import RunFolder, last_finished
    from aiwave.training.stage_codec import trained_codec

    folder = RunFolder(run)
    cfg = folder.read_config()
    return trained_codec(cfg, folder, last_finished(cfg, folder))


def tiles_of(files: list[Path], size: int, count: int) -> Tensor:
    """The first `count` tiles of the volumes (or of smooth noise), (T, 1, size, size, size)."""
    import tifffile

    tiles: list[Tensor] = []
    for file in files:
        volume = torch.from_numpy(tifffile.imread(file).astype("float32"))
        blocks = volume.unfold(0, size, size).unfold(1, size, size).unfold(2, size, size)
        tiles += list(blocks.reshape(-1, 1, size, size, size))
    if not tiles:
        noise = torch.randn(1, 1, size, size, size, generator=torch.Generator().manual_seed(0))
        tiles = [10 * torch.nn.functional.avg_pool3d(noise, 3, 1, 1)[0] * 27**0.5 + 128]
    return torch.stack([tiles[k % len(tiles)] for k in range(count)])


def rate_loss(model: EntropyModel, coder: BandCoder, q: Subbands, step: float) -> None:
    """Print bits per voxel of the float model, of the integer frequencies and of the bytes."""
    voxels, count = q.details[-1][:, 0].numel() * 8, len(q.approx)
    with torch.no_grad():
        parts = [model(q.map(lambda band, k=k: band[k : k + 1]), torch.tensor([step])).sum() for k in range(count)]  # type: ignore[misc]
    real = 8 * sum(len(segment) for tile in coder.encode(q, log_step_of(step)) for segment in tile)
    exact, estimate = float(coder.bits(q, log_step_of(step)).sum()), float(sum(parts))
    print(
        f"step {step:5g}: float {estimate / voxels:.4f} bpp, "
        f"integer {exact / voxels:.4f} ({exact / estimate - 1:+.3%}), "
        f"bytes {real / voxels:.4f} ({real / exact - 1:+.3%} over the integer estimate)"
    )


def speed(coder: BandCoder, q: Subbands, step: float) -> None:
    """Print encode and decode seconds."""
    voxels, log_step = q.details[-1][:, 0].numel() * 8, log_step_of(step)
    segments, encode_cpu, encode_wall = measured(lambda: coder.encode(q, log_step))
    assert isinstance(segments, list)
    _, decode_cpu, decode_wall = measured(lambda: coder.decode(segments, q.size, log_step))
    print(
        f"{len(segments)} tiles, {voxels / 1e6:.2f} Mvoxel, step {step:g}: encode {encode_cpu:.2f} s CPU "
        f"({encode_wall:.2f} s), decode {decode_cpu:.2f} s CPU ({decode_wall:.2f} s), "
        f"decode / encode {decode_cpu / encode_cpu:.2f}, decoded {voxels / decode_cpu / 1e6:.3f} Mvoxel per CPU second"
    )


def shares(coder: BandCoder, q: Subbands, step: float) -> None:
    """Print where the time of decoding goes."""
    log_step = log_step_of(step)
    segments = coder.encode(q, log_step)
    profile = cProfile.Profile(time.process_time)
    profile.runcall(coder.decode, segments, q.size, log_step)
    total: dict[str, float] = {}
    for (file, _, name), entry in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        key = f"{Path(file).stem}.{name}"
        total[key] = total.get(key, 0) + entry[3]
    everything = total["band_coder.decode"]
    network = total["context_state.parameters"] + total["context_state.level"]
    reading, symbols = total["symbol_io._read"], total["symbols.code_symbols"] + total["integer_mixture.mixture"]
    parts = {"network": network, "tables": symbols - reading, "range coder": reading}
    parts["rest"] = everything - sum(parts.values())
    print("  share of decoding: " + ", ".join(f"{name} {part / everything:.0%}" for name, part in parts.items()))


def whole(codec: WaveletCodec, tiles: Tensor, side: int, step: float, processes: int) -> None:
    """Print time and peak memory of a file of side^3 voxels, everything included, made of the tiles over and over."""
    model, size = Model.from_bytes(model_file(codec.eval(), "bench")), tiles.shape[-1]
    blocks = tiles[:, 0].round().clamp(0, 255).byte().numpy()
    volume = np.empty((side,) * 3, np.uint8)
    for number, corner in enumerate(itertools.product(range(0, side, size), repeat=3)):
        place = tuple(slice(start, start + size) for start in corner)
        volume[place] = blocks[number % len(blocks)][tuple(slice(0, side - start) for start in corner)]
    os.environ["OMP_NUM_THREADS"] = str(processes)
    data, encode_cpu, encode = measured(lambda: compress(volume, model, step=step, model_only=True))
    assert isinstance(data, bytes)
    back, decode_cpu, decode = measured(lambda: decompress(data, model=model))
    assert isinstance(back, np.ndarray)
    assert back.shape == volume.shape
    unit = 1 << 10 if sys.platform == "linux" else 1 << 20
    peak, helper = (
        resource.getrusage(who).ru_maxrss / unit for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(
        f"{side}^3 file, step {step:g}, at most {processes} processes: {8 * len(data) / volume.size:.3f} bpp, "
        f"encode {encode:.1f} s ({encode_cpu:.1f} s CPU), decode {decode:.1f} s ({decode_cpu:.1f} s CPU), "
        f"decoded {volume.size / decode / 1e6:.3f} Mvoxel/s, peak memory {peak:.0f} MiB, {helper:.0f} MiB a helper"
    )


def raster(coder: BandCoder, step: float) -> None:
    """Print how much longer decoding takes one coefficient at a time, on a small tile."""
    generator = torch.Generator().manual_seed(0)
    transform = WaveletTransform(levels=coder.model.levels)
    q = transform(20 * torch.randn(1, 1, 32, 32, 32, generator=generator)).map(lambda band: torch.round(band / step))
    segments = coder.encode(q, log_step_of(step))
    _, front, _ = measured(lambda: coder.decode(segments, q.size, log_step_of(step)))
    fronts, ContextCoding.fronts = ContextCoding.fronts, lambda self, wave: wave.chunks(1)  # type: ignore[method-assign]
    try:
        one = coder.encode(q, log_step_of(step))
        _, single, _ = measured(lambda: coder.decode(one, q.size, log_step_of(step)))
    finally:
        ContextCoding.fronts = fronts  # type: ignore[method-assign]
    print(f"32^3 tile: wavefront {front:.2f} s, raster {single:.2f} s CPU, {single / front:.0f} times as long")


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("volumes", nargs="*", type=Path)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--channels", type=int, default=32)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--steps", type=float, nargs="+", default=[2, 4.5, 10, 25])
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--tiles", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--whole", type=int, metavar="SIDE", help="code a file of SIDE^3 voxels, too")
    parser.add_argument("--skip", nargs="*", default=[], choices=["rate", "speed", "shares", "raster"])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    random = ContextEntropy(2, arguments.channels, arguments.layers, LogisticMixture(3))
    untrained = WaveletCodec(WaveletTransform(), VariableRate([1.0, 40.0], [4.0]), random, NoPost())
    codec = trained(arguments.run) if arguments.run else untrained
    transform, model = codec.transform, codec.entropy
    integers = integer_model(model.eval())
    types = ", ".join(f"{name} {str(layer.dtype).split('.')[1]}" for name, layer in integers.layers.items())
    print(f"model: {sum(array.nbytes for array in model_to_arrays(integers)[1].values())} bytes; {types}")
    coder = BandCoder(integers)
    tiles = tiles_of(arguments.volumes, arguments.size, arguments.tiles)
    with torch.no_grad():
        bands = Subbands.map(transform(tiles), torch.Tensor.detach)
    quantised = {step: bands.map(lambda band, s=step: torch.round(band / s)) for step in arguments.steps}  # type: ignore[misc]
    for step, q in quantised.items():
        if "rate" not in arguments.skip:
            rate_loss(model, coder, q.map(lambda band: band[: max(1, len(arguments.volumes))]), step)
        if "speed" not in arguments.skip:
            speed(coder, q.map(lambda band: band[:1]), step)
            speed(coder, q, step)
        if "shares" not in arguments.skip:
            shares(coder, q, step)
    if arguments.whole:
        whole(codec, tiles, arguments.whole, arguments.steps[0], arguments.workers)
    if "raster" not in arguments.skip:
        raster(coder, arguments.steps[-1])


if __name__ == "__main__":
    main()
