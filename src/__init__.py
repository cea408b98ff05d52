"""aiWave: volumetric image compression with a 3-D trained affine wavelet-like transform."""

from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"
__all__ = ["compress", "decompress", "info"]

if TYPE_CHECKING:
    from .api import compress, decompress, info


def __getattr__(name: str) -> Any:
    """Import the public functions on first access: they need heavy libraries."""
    if name in __all__:
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
