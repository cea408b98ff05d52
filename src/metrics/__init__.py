"""Figures of merit of lossy volume compression: of voxels as torchmetrics classes, of whole curves as functions."""

from .bd import Curve, Delta, NotComparable, bd_psnr, bd_rate
from .bpp import Bpp
from .compression_ratio import compression_ratio
from .interval import Estimate, mean_with_interval
from .max_error import MaxError
from .mse import Mse
from .psnr import Psnr
from .ssim import ms_ssim, ssim

__all__ = [
    "Bpp",
    "Curve",
    "Delta",
    "Estimate",
    "MaxError",
    "Mse",
    "NotComparable",
    "Psnr",
    "bd_psnr",
    "bd_rate",
    "compression_ratio",
    "mean_with_interval",
    "ms_ssim",
    "ssim",
]
