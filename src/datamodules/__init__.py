"""Volumes, as LightningDataModules: from a folder of files, or made by a phantom.

Names are imported on first use, so that files can be prepared without Lightning and MONAI; nibabel and tifffile are
imported when a volume is read.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .appearance import Appearance
    from .caching import MemoryCache, NoCache, PersistentCache
    from .folder import FolderDataModule
    from .mixture import MixtureDataModule
    from .phantoms.phantom import PhantomDataModule
    from .prepared import PreparedDataModule
    from .store import StoreDataModule
    from .volume import Volume
    from .volume_datamodule import VolumeDataModule

HOMES = {
    "Appearance": "appearance",
    "FolderDataModule": "folder",
    "MemoryCache": "caching",
    "MixtureDataModule": "mixture",
    "NoCache": "caching",
    "PersistentCache": "caching",
    "PhantomDataModule": "phantoms.phantom",
    "PreparedDataModule": "prepared",
    "StoreDataModule": "store",
    "Volume": "volume",
    "VolumeDataModule": "volume_datamodule",
}

__all__ = [
    "Appearance",
    "FolderDataModule",
    "MemoryCache",
    "MixtureDataModule",
    "NoCache",
    "PersistentCache",
    "PhantomDataModule",
    "PreparedDataModule",
    "StoreDataModule",
    "Volume",
    "VolumeDataModule",
]


def __getattr__(name: str) -> Any:
    if name in HOMES:
        return getattr(import_module(f".{HOMES[name]}", __package__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
