"""Traditional codecs to compare with: in-process libraries and external programs.

The libraries (imagecodecs, PyAV) are imported when a volume is coded, not here.
"""

from .anchor import Anchor, Availability, Coded
from .byte_codecs import Blosc2, Zstd
from .generic_sizes import lossless_sizes, sperr_size
from .hm import Hm
from .htj2k import Htj2k
from .jp3d import Jp3d
from .jpeg2000 import Jpeg2000
from .jpeg2000_axial import Jpeg2000Axial
from .jpegls import JpegLs
from .jpegxl import JpegXl
from .kakadu import Kakadu
from .measure import Job, measure
from .pool import run_jobs
from .sperr import Sperr
from .sz3 import Sz3
from .x265 import X265
from .zfp import Zfp

__all__ = [
    "X265",
    "Anchor",
    "Availability",
    "Blosc2",
    "Coded",
    "Hm",
    "Htj2k",
    "Job",
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
    "lossless_sizes",
    "measure",
    "run_jobs",
    "sperr_size",
]
