"""Rate, distortion and time of one volume at one quality."""

import time

import numpy as np
import torch

from ..datamodules import Volume
from ..metrics import Psnr
from ..models import WaveletCodec
from ..report import RdRow
from .tiles import tiles


@torch.inference_mode()
def measure_volume(codec: WaveletCodec, volume: Volume, quality: float, peak: float, tile: int) -> RdRow:
    """Code a volume and compare.

    The voxels, (D, H, W) integers, are coded in independent tiles of at most `tile` voxels a side. The reconstruction
    is rounded and clipped to the volume's dtype before it is compared, as a decoder would write it. The rate is the
    entropy model's code length. `encode_s` covers transform and entropy model, `decode_s` the reconstruction alone.

    Raises AiwaveError for a quality that the codec does not have.
    """
    device = next(codec.parameters()).device
    step = codec.rate.step_of(quality).reshape(1).float().to(device)
    limits = np.iinfo(volume.voxels.dtype)
    bits, encode_s, decode_s = 0.0, 0.0, 0.0
    psnr = Psnr(peak)
    for part in tiles(volume.voxels.shape, tile):
        x = torch.from_numpy(volume.voxels[part].astype(np.float32))[None, None].to(device)
        started = time.perf_counter()
        q = codec.analyse(x, step)
        bits += codec.entropy(q, step).cpu().double().sum().item()
        coded = time.perf_counter()
        x_hat = codec.synthesise(q, step, x.shape[2:]).round().clamp(int(limits.min), int(limits.max))
        decode_s += time.perf_counter() - coded
        encode_s += coded - started
        psnr.update(x_hat.cpu(), x.cpu())
    return RdRow(
        dataset=volume.dataset,
        file=volume.file,
        codec=f"aiwave_{codec.name} (estimated)",
        quality=quality,
        bpp=bits / volume.voxels.size,
        psnr_db=float(psnr.compute()),
        encode_s=encode_s,
        decode_s=decode_s,
    )
