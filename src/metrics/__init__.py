"""Metrics of lossy volume compression: of voxels as torchmetrics classes, of whole curves as functions."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .bd import Curve, Delta, NotComparable, bd_psnr, bd_rate
from .compression_ratio import compression_ratio
from .interval import Estimate, mean_with_interval
from .ssim import ms_ssim, ssim

if TYPE_CHECKING:
    from .bpp import Bpp
    from .max_error import MaxError
    from .mse import Mse
    from .psnr import Psnr

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

TORCHMETRICS = {"Bpp": "bpp", "MaxError": "max_error", "Mse": "mse", "Psnr": "psnr"}


def __getattr__(name: str) -> Any:
    """Import the torchmetrics classes on first access: the import takes longer than many a codec."""
    if name in TORCHMETRICS:
        return getattr(import_module(f".{TORCHMETRICS[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
