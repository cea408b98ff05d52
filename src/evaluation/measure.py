"""Rate, distortion and time of one volume at one quality."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..datamodules.volume import Volume
from ..errors import AiwaveError
from ..metrics.max_error import MaxError
from ..metrics.psnr import Psnr
from ..models.codec import WaveletCodec
from ..report.rd_row import RdRow
from .tiles import tiles


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
        x_hat = codec.synthesise(q, step).round().clamp(int(limits.min), int(limits.max))
        decode_s += time.perf_counter() - coded
        encode_s += coded - started
        if codec.lossless and not torch.equal(x_hat, x):
            raise AiwaveError(f"{volume.file} was not reconstructed exactly by a lossless codec: please report this.")
        decoded[part] = x_hat[0, 0].cpu().numpy()
        for metric in (psnr, worst):
            metric.update(x_hat.cpu(), x.cpu())
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
