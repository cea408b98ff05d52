"""Rate and distortion of whole volumes, estimated by the entropy model or measured on real files."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np
import torch

from ..bitstream.decoder import decompress
from ..bitstream.encoder import compress
from ..bitstream.model import Model
from ..datamodules.volume import Volume
from ..errors import AiwaveError
from ..models.codec import WaveletCodec
from ..report.metrics.volume_metrics import MaxError, Psnr
from ..report.tables import RdRow


def tiles(shape: Sequence[int], side: int) -> Iterator[tuple[slice, slice, slice]]:
    """Split a volume (D, H, W) into tiles of at most `side` voxels along each axis, as equal as possible."""
    per_axis = []
    for size in shape:
        count = math.ceil(size / side)
        edges = [size * k // count for k in range(count + 1)]
        per_axis.append([slice(a, b) for a, b in pairwise(edges)])
    yield from product(*per_axis)  # type: ignore[misc]


@dataclass(frozen=True)
class Measured:
    """The measured row, and the volume as a decoder would write it: (D, H, W), the original's dtype."""

    row: RdRow
    decoded: np.ndarray[Any, Any]


@torch.inference_mode()
def measure_volume(codec: WaveletCodec, volume: Volume, quality: float, peak: float, tile: int) -> Measured:
    """Code a volume and compare the reconstruction with the original.

    The voxels, (D, H, W) integers, are coded in independent tiles of at most `tile` voxels a side. As a decoder would
    write it, the reconstruction is rounded and clipped to the volume's dtype before the comparison. The rate is the
    entropy model's code length. `encode_s` covers transform and entropy model, `decode_s` the reconstruction alone.

    Raises AiwaveError for a quality that the codec does not have, and if a lossless codec changes a voxel.
    """
    device = next(codec.parameters()).device
    step = codec.rate.step_of(quality).reshape(1).float().to(device)
    limits = np.iinfo(volume.voxels.dtype)
    bits, encode_s, decode_s = 0.0, 0.0, 0.0
    psnr, worst = Psnr(peak), MaxError()
    decoded = np.empty_like(volume.voxels)
    for part in tiles(volume.voxels.shape, tile):
        x = torch.from_numpy(volume.voxels[part].astype(np.float32))[None, None].to(device)
        started = time.perf_counter()
        q = codec.analyse(x, step)
        bits += codec.code_length(q, step).cpu().double().sum().item()
        coded = time.perf_counter()
        x_hat = codec.synthesise(q, step).round().clamp(int(limits.min), int(limits.max)).cpu()
        decode_s += time.perf_counter() - coded
        encode_s += coded - started
        if codec.lossless and not torch.equal(x_hat, x.cpu()):
            raise AiwaveError(f"{volume.file} was not reconstructed exactly by a lossless codec: please report this.")
        decoded[part] = x_hat[0, 0].numpy()
        for metric in (psnr, worst):
            metric.update(x_hat, x.cpu())
    row = RdRow(
        dataset=volume.dataset,
        file=volume.file,
        codec=f"aiwave_{codec.name} (estimated)",
        quality=quality,
        bpp=bits / volume.voxels.size,
        psnr_db=float(psnr.compute()),
        encode_s=encode_s,
        decode_s=decode_s,
        max_error=float(worst.compute()),
    )
    return Measured(row, decoded)


def measure_real(
    codec: WaveletCodec, model: Model, volume: Volume, quality: float, peak: float, tile: int, optimise: bool = False
) -> Measured:
    """Compress a volume with `model`, the model file of `codec`, decompress it and compare.

    The rate counts all bytes except the model's; both times cover everything between voxels and bytes. `optimise` is
    that of `compress`; with it, the codec's name ends in `_rdo`.

    Raises AiwaveError for a quality that the codec does not have, or voxels that cannot be coded.
    """
    started = time.perf_counter()
    step = float(codec.rate.step_of(quality))
    data = compress(
        volume.voxels,
        model,
        lossless=codec.lossless,
        step=None if codec.lossless else step,
        tile=tile,
        optimise=optimise,
        model_only=True,
    )
    coded = time.perf_counter()
    decoded = decompress(data, model=model)
    finished = time.perf_counter()
    pair = [torch.from_numpy(voxels.astype(np.float32))[None, None] for voxels in (decoded, volume.voxels)]
    psnr, worst = Psnr(peak), MaxError()
    for metric in (psnr, worst):
        metric.update(*pair)
    row = RdRow(
        dataset=volume.dataset,
        file=volume.file,
        codec=f"aiwave_{codec.name}{'_rdo' * optimise}",
        quality=quality,
        bpp=8 * len(data) / volume.voxels.size,
        psnr_db=float(psnr.compute()),
        encode_s=coded - started,
        decode_s=finished - coded,
        max_error=float(worst.compute()),
    )
    return Measured(row, decoded)
