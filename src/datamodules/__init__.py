"""Volumes as LightningDataModules: from a folder of files, or synthesised as phantoms.

Names are imported on first access, so that files can be read without Lightning; the other heavy libraries (MONAI,
SimpleITK, tifffile) are imported when a volume is read.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .appearance import Appearance
    from .base import VolumeDataModule
    from .caching import MemoryCache, NoCache, PersistentCache
    from .folder import FolderDataModule
    from .mixture import MixtureDataModule
    from .phantom import PhantomDataModule
    from .prepared import PreparedDataModule
    from .volume import Volume

__all__ = [
    "Appearance",
    "FolderDataModule",
    "MemoryCache",
    "MixtureDataModule",
    "NoCache",
    "PersistentCache",
    "PhantomDataModule",
    "PreparedDataModule",
    "Volume",
    "VolumeDataModule",
]

HOMES = ("volume", "caching", "appearance", "base", "folder", "mixture", "phantom", "prepared")
"""The modules that define these names, light ones first."""


def __getattr__(name: str) -> Any:
    if name in __all__:
        for home in HOMES:
            module = import_module(f".{home}", __package__)
            if name in vars(module):
                return vars(module)[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
