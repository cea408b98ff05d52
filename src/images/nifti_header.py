"""Headers of NIfTI-1, NIfTI-2 and Analyze 7.5: axes, voxel type, scaling, and the place of the voxels."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import AiwaveError
from .axis_order import AxisOrder
from .image import check_dimensions, check_numeric, unreadable

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Header

FIRST, SECOND = 348, 540
"""Bytes of a header of NIfTI-1 or Analyze, and of NIfTI-2; a file begins with this number."""
LONGEST = 1 << 26
"""Most bytes before the voxels."""
TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
TYPES |= {130: "i1", 132: "u2", 136: "u4"}
"""numpy's types by datatype; the second line are SPM's extensions of Analyze."""
COLOURS = {128: 3, 2304: 4}
"""Bytes of a pixel by datatype: red, green, blue, and alpha."""
COMPLEX = {32: "c8", 1792: "c16", 2048: "c16"}
UNSUPPORTED = {1: "single bits, whose order is not defined", 1536: "floats of 128 bits"}


VECTOR = 1007
"""The intent of a fifth axis of components."""

MOST_COMPONENTS = 4


@dataclass(frozen=True, eq=False)
class NiftiHeader:
    """A header in the file `file`.

    `fields` are nibabel's, of NIfTI-1, NIfTI-2 or Analyze. `data` are all bytes before the voxels; for a pair of files,
    those of the one with the header.
    """

    file: str
    fields: "Nifti1Header"
    data: bytes

    @property
    def is_analyze(self) -> bool:
        """True if the header is that of Analyze, whose fields after byte 252 are others than those of NIfTI."""
        return "sform_code" not in self.fields

    @property
    def is_pair(self) -> bool:
        """True if the header declares that the voxels are in another file."""
        return self.is_analyze or bytes(self.fields["magic"].item())[:2] == b"ni"

    @property
    def declared_start(self) -> int:
        """Place of the voxels in their file, 0 if none is declared. Raises AiwaveError if it is absurd."""
        start = float(self.fields["vox_offset"])
        if start > LONGEST:
            raise AiwaveError(
                f"{self.file} declares that its voxels begin after {start:.0f} bytes: correct vox_offset in its header."
            )
        return int(start) if start > 0 else 0

    @property
    def start(self) -> int:
        """Place of the voxels in a single file; that of a file without extensions if none is declared."""
        size = int(self.fields.template_dtype.itemsize)
        return self.declared_start if self.declared_start >= size else size + 4

    @cached_property
    def order(self) -> AxisOrder:
        """Axes of the array in the file: x is the fastest, or the colours of a pixel.

        Axes after the third are left out if their length is 1, or 0, which some programs write for an axis that does
        not exist. The fourth is time; later ones are channels. Raises AiwaveError if the lengths make no sense.

        SimpleITK, given an array (T, D, H, W) to write, takes W for the components of a vector: such files are series.
        """
        if self._is_series_of_vectors:
            x, y, z, _, components = self._sides()
            return AxisOrder(self.file, "XTZY", (components, z, y, x))
        axes = [(letter, side) for letter, side in zip("XYZTCCC", self._sides(), strict=False)]
        kept = [axis for axis in axes[::-1] if axis[0] in "XYZ" or axis[1] > 1]
        kept += [("S", COLOURS[code]) for code in [int(self.fields["datatype"])] if code in COLOURS]
        return AxisOrder(self.file, "".join(letter for letter, _ in kept), tuple(side for _, side in kept))

    @property
    def _is_series_of_vectors(self) -> bool:
        """True for more components than a vector has, in a file without any geometry."""
        fields, sides = self.fields, self._sides()
        if self.is_analyze or len(sides) != 5 or sides[3] != 1 or sides[4] <= MOST_COMPONENTS:
            return False
        plain = (fields["pixdim"][1:4] == 1).all() and not any(fields[f"qoffset_{axis}"] for axis in "xyz")
        return int(fields["intent_code"]) == VECTOR and bool(plain)

    def _sides(self) -> list[int]:
        """Lengths of three to seven axes, x first."""
        count = int(self.fields["dim"][0])
        if not 1 <= count <= 7:
            raise AiwaveError(
                f"{self.file} declares {count} axes, but NIfTI has 1 to 7: correct dim in its header or fetch it again."
            )
        sides = [int(side) for side in self.fields["dim"][1 : 1 + count]] + [1] * (3 - count)
        if sides[:3] == [-1, 1, 1] and "glmin" in self.fields:
            sides[0] = int(self.fields["glmin"])  # FreeSurfer, for more than 32767
        if min(sides) < 0:
            raise AiwaveError(
                f"{self.file} has an axis of negative length in {sides}: correct dim in its header or fetch it again."
            )
        check_dimensions(self.file, tuple(sides[2::-1]))
        return sides[:3] + [max(side, 1) for side in sides[3:]]

    @property
    def dtype(self) -> np.dtype:
        """Type of the numbers in the file, with its byte order. Raises AiwaveError if they are not supported."""
        code = int(self.fields["datatype"])
        if code in COMPLEX:
            check_numeric(self.file, np.dtype(COMPLEX[code]))
        if code in UNSUPPORTED:
            raise AiwaveError(f"{self.file} holds {UNSUPPORTED[code]}: save it with integers, or floats of 64 bits.")
        if code not in TYPES and code not in COLOURS:
            raise AiwaveError(
                f"{self.file} has voxels of type {code}, which NIfTI does not define: correct datatype in its header, "
                "or fetch it again."
            )
        return np.dtype("u1" if code in COLOURS else TYPES[code]).newbyteorder(self.fields.endianness)

    @property
    def scaling(self) -> tuple[float, float]:
        """Slope and intercept; 1 and 0 for colours, or if the slope is 0 or either is not finite.

        SPM stores the slope of Analyze where NIfTI does.
        """
        slope, intercept = float(self.fields["scl_slope"]), float(self.fields["scl_inter"])
        has_none = slope == 0 or not math.isfinite(slope) or not math.isfinite(intercept)
        return (1.0, 0.0) if has_none or int(self.fields["datatype"]) in COLOURS else (slope, intercept)


def header_size(block: bytes, file: str) -> tuple[int, str]:
    """Bytes of the header that `block`, the first bytes of `file`, begins, and its byte order, "<" or ">".

    Raises AiwaveError if there is no NIfTI or Analyze header.
    """
    for order, name in (("<", "little"), (">", "big")):
        size = int.from_bytes(block[:4], name)  # type: ignore[arg-type]
        if len(block) >= 4 and size in (FIRST, SECOND):
            return size, order
    if len(block) < FIRST:
        raise unreadable(file, f"it holds {len(block)} of {FIRST} bytes of header")
    raise AiwaveError(
        f"{file} cannot be read (it has no NIfTI or Analyze header): give it the suffix of its format, or fetch it "
        "again."
    )


def parse_nifti_header(data: bytes, file: str) -> NiftiHeader:
    """The header that `data`, the bytes of `file` before the voxels, begins with.

    A header without NIfTI's magic is that of Analyze. Raises AiwaveError if it is damaged.
    """
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header
    from nibabel.spm2analyze import Spm2AnalyzeHeader

    size, order = header_size(data, file)
    if len(data) < size:
        raise unreadable(file, f"it holds {len(data)} of {size} bytes of header")
    if size == SECOND:
        if data[4:7] not in (b"n+2", b"ni2"):
            raise unreadable(file, "its NIfTI-2 header lacks n+2 or ni2 at byte 4")
        return NiftiHeader(file, Nifti2Header(data[:size], order, check=False), data)
    is_nifti = data[344:346] in (b"n+", b"ni") and data[346:347].isdigit() and data[347] == 0
    kind: Any = Nifti1Header if is_nifti else Spm2AnalyzeHeader
    return NiftiHeader(file, kind(data[:size], order, check=False), data)
