"""Volumes, as LightningDataModules: from a folder of files, or made by a phantom.

The heavy libraries (MONAI, SimpleITK, tifffile) are imported when a volume is read, not here.
"""

from .base import VolumeDataModule
from .caching import MemoryCache, NoCache, PersistentCache
from .folder import FolderDataModule
from .phantom import PhantomDataModule
from .prepared import PreparedDataModule
from .volume import Volume

__all__ = [
    "FolderDataModule",
    "MemoryCache",
    "NoCache",
    "PersistentCache",
    "PhantomDataModule",
    "PreparedDataModule",
    "Volume",
    "VolumeDataModule",
]
