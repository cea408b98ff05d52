"""Preparation of raw images, downloaded or your own, as a folder of small files with a manifest.

The heavy libraries (nibabel, tifffile, tensorstore) are imported when an image is read, not here.
"""

from .archive import ArchiveSource, DecathlonTask, SpmAttention, ZenodoRecord
from .cropping import Crops, GridCrops, RandomCrops
from .mr_net import MrNet, SignedAgreement
from .pipeline import Pipeline
from .precomputed import PrecomputedCutout
from .source import LocalFiles, Raw, Source
from .splits import AsGiven, Split, SplitByRegion, SplitBySubject
from .subject import Conversion

__all__ = [
    "ArchiveSource",
    "AsGiven",
    "Conversion",
    "Crops",
    "DecathlonTask",
    "GridCrops",
    "LocalFiles",
    "MrNet",
    "Pipeline",
    "PrecomputedCutout",
    "RandomCrops",
    "Raw",
    "SignedAgreement",
    "Source",
    "Split",
    "SplitByRegion",
    "SplitBySubject",
    "SpmAttention",
    "ZenodoRecord",
]
