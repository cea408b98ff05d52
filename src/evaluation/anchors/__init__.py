"""Anchors, the traditional codecs to compare with: in-process libraries, and external programs.

The libraries (imagecodecs, PyAV) are imported when a volume is coded, not here.
"""

from .anchor import Anchor, Availability, CodedVolume
from .hm import Hm
from .jp3d import Jp3d
from .jpeg2000_axial import Jpeg2000Axial
from .kakadu import Kakadu
from .run_jobs import AnchorJob, measure, run_jobs
from .slice_codecs import Htj2k, Jpeg2000, JpegLs, JpegXl
from .volume_codecs import Blosc2, Sperr, Sz3, Zfp, Zstd
from .x265 import X265

__all__ = [
    "X265",
    "Anchor",
    "AnchorJob",
    "Availability",
    "Blosc2",
    "CodedVolume",
    "Hm",
    "Htj2k",
    "Jp3d",
    "Jpeg2000",
    "Jpeg2000Axial",
    "JpegLs",
    "JpegXl",
    "Kakadu",
    "Sperr",
    "Sz3",
    "Zfp",
    "Zstd",
    "measure",
    "run_jobs",
]
