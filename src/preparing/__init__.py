"""Preparation of raw images, fetched or the user's own, as a folder of small files with a manifest.

The heavy libraries (SimpleITK, tifffile, tensorstore) are imported when an image is read, not here.
"""

from .archive import ArchiveSource
from .crops import Crops, GridCrops, RandomCrops
from .decathlon_task import DecathlonTask
from .local_files import LocalFiles
from .mr_net import MrNet
from .pipeline import Pipeline
from .precomputed_cutout import PrecomputedCutout
from .raw import Raw, Source
from .signed_agreement import SignedAgreement
from .splits import AsGiven, Split, SplitByRegion, SplitBySubject
from .spm_attention import SpmAttention
from .subject import Conversion
from .zenodo_record import ZenodoRecord

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
