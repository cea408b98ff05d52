"""Rate, distortion and time of one volume, measured by writing a file and reading it back."""

import time

import numpy as np
import torch

from ..bitstream.decoder import decompress
from ..bitstream.encoder import compress
from ..bitstream.model import Model
from ..datamodules.volume import Volume
from ..metrics.max_error import MaxError
from ..metrics.psnr import Psnr
from ..models.codec import WaveletCodec
from ..report.rd_row import RdRow
from .measure import Measured


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
