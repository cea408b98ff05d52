"""Figures of merit of lossy volume compression, as torchmetrics classes."""

from .bpp import Bpp
from .psnr import Psnr

__all__ = ["Bpp", "Psnr"]
