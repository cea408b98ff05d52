"""Logging of rate and distortion during training."""

from collections import defaultdict
from typing import Any

import pytorch_lightning as pl

from ..report.metrics.volume_metrics import Bpp, Psnr


class RdLogging(pl.Callback):
    """Log bpp and PSNR at every quality, and the bpp of every subband at the middle one."""

    def __init__(self) -> None:
        self._bpp: dict[str, Bpp] = {}
        self._psnr: dict[str, Psnr] = {}

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Reset the metrics."""
        self._bpp = defaultdict(Bpp)
        self._psnr = defaultdict(lambda: Psnr(pl_module.peak))

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, *args: Any
    ) -> None:
        """Accumulate a batch, coded at every quality (see `CompressionTask.validation_step`)."""
        x = batch["image"].cpu()  # metrics sum up in float64, which not every accelerator has
        for quality, coded in outputs.items():
            self._bpp[f"val/bpp@{quality}"].update(coded.bits.sum(dim=1).cpu(), x.numel())
            self._psnr[f"val/psnr@{quality}"].update(coded.x_hat.cpu(), x)
        qualities = list(outputs)
        middle = outputs[qualities[len(qualities) // 2]]
        for band, bits in zip(pl_module.codec.band_names, middle.bits.sum(dim=0).cpu(), strict=True):
            self._bpp[f"band_bpp/{band}"].update(bits, x.numel())

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Log the metrics of the epoch."""
        for metrics in (self._bpp, self._psnr):
            pl_module.log_dict({name: metric.compute().float() for name, metric in metrics.items()})
