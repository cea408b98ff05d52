"""One DICOM file: its place, and its voxels as stored."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..datamodules.stored import check_single_channel, unreadable
from ..errors import AiwaveError

if TYPE_CHECKING:
    import SimpleITK

MAGIC = b"DICM"
SUFFIXES = (".dcm", ".dicom", ".ima")
SERIES, NUMBER, MODALITY = "0020|000e", "0020|0013", "0008|0060"
BITS, SIGNED, INTERCEPT, SLOPE, THICKNESS = "0028|0101", "0028|0103", "0028|1052", "0028|1053", "0018|0050"


def is_dicom(path: Path) -> bool:
    """Tell whether a file is DICOM: by its magic bytes, or, if it has none, by its suffix."""
    if not path.is_file() or path.name == "DICOMDIR" or path.name.startswith("."):
        return False
    if path.suffix.lower() in SUFFIXES:
        return True
    with path.open("rb") as stream:
        return stream.read(132)[128:] == MAGIC


@dataclass(frozen=True, eq=False)
class DicomSlice:
    """A file of a series, opened: its header is read, its voxels are not."""

    path: Path
    reader: "SimpleITK.ImageFileReader"

    @classmethod
    def open(cls, path: Path) -> "DicomSlice":
        """Read the header. Raises AiwaveError, naming the file, if it is no image or has colours."""
        import SimpleITK as sitk

        from ..datamodules.itk_reader import last_line

        reader = sitk.ImageFileReader()
        reader.SetImageIO("GDCMImageIO")
        reader.SetFileName(str(path))
        try:
            reader.ReadImageInformation()
        except RuntimeError as error:
            raise unreadable(str(path), last_line(error)) from error
        check_single_channel(str(path), reader.GetNumberOfComponents())
        return cls(path, reader)

    def tag(self, key: str, default: str = "") -> str:
        """The text of a tag "gggg|eeee"."""
        return self.reader.GetMetaData(key).strip(" \0") if self.reader.HasMetaDataKey(key) else default

    @property
    def size(self) -> tuple[int, ...]:
        """(D, H, W); a single slice has depth 1."""
        return (*(1,) * (3 - self.reader.GetDimension()), *reversed(self.reader.GetSize()))

    @cached_property
    def direction(self) -> np.ndarray:
        """(3, 3), columns along x, y and z of the image."""
        axes = self.reader.GetDimension()
        return np.reshape(self.reader.GetDirection(), (axes, axes))

    @property
    def height(self) -> float:
        """The place of the slice along the normal of its plane, in mm."""
        return float(np.dot(self.reader.GetOrigin(), self.direction[:, 2]))

    @property
    def number(self) -> float:
        """The instance number; 0 if there is none."""
        return float(self.tag(NUMBER) or 0)

    @property
    def rescale(self) -> tuple[float, float]:
        """Slope and intercept, 1 and 0 if not declared. GDCM reads a slope of 0 as 1."""
        return float(self.tag(SLOPE) or 1) or 1.0, float(self.tag(INTERCEPT) or 0)

    def voxels(self) -> np.ndarray:
        """Read the voxels as stored, (D, H, W).

        SimpleITK gives slope * stored + intercept in double precision, or in integers if both are; it cannot be told
        not to. Its inverse is exact, and is verified. Raises AiwaveError, naming the file, if it is damaged.
        """
        import SimpleITK as sitk

        from ..datamodules.itk_reader import last_line

        try:
            given = sitk.GetArrayFromImage(self.reader.Execute())
        except RuntimeError as error:
            raise unreadable(str(self.path), last_line(error)) from error
        slope, intercept = self.rescale
        if (slope, intercept) == (1, 0):
            return given.reshape(self.size)
        stored = np.rint((given.astype(np.float64) - intercept) / slope)
        low, high = self._range
        if not np.array_equal(slope * stored + intercept, given) or stored.min() < low or stored.max() > high:
            raise AiwaveError(
                f"{self.path}: the stored values cannot be told from those rescaled by slope {slope:g} and intercept "
                f"{intercept:g}: convert the series to NIfTI without rescaling."
            )
        return stored.astype(np.int64).astype(self._dtype).reshape(self.size)

    @property
    def _range(self) -> tuple[int, int]:
        bits = int(self.tag(BITS, "16"))
        return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if self._signed else (0, (1 << bits) - 1)

    @property
    def _signed(self) -> bool:
        return self.tag(SIGNED, "0") == "1"

    @property
    def _dtype(self) -> np.dtype:
        bits = int(self.tag(BITS, "16"))
        width = next(width for width in (8, 16, 32, 64) if bits <= width)
        return np.dtype(f"{'' if self._signed else 'u'}int{width}")
