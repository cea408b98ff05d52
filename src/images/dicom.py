"""DICOM files and folders through SimpleITK: slices sorted by position, voxels as stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import AiwaveError
from .image import Image, check_single_channel
from .itk_files import opened, voxels_of

if TYPE_CHECKING:
    import SimpleITK

MAGIC = b"DICM"
SUFFIXES = (".dcm", ".dicom", ".ima")
SERIES, NUMBER, MODALITY = "0020|000e", "0020|0013", "0008|0060"
BITS, SIGNED, INTERCEPT, SLOPE, THICKNESS = "0028|0101", "0028|0103", "0028|1052", "0028|1053", "0018|0050"
GAP = 0.1  # tolerance of slice distances, as a fraction of the usual one
TURN = 1e-3  # tolerance of a direction cosine


def is_dicom(path: Path) -> bool:
    """True if a file is DICOM, by its suffix or by its magic bytes."""
    if not path.is_file() or path.name == "DICOMDIR" or path.name.startswith("."):
        return False
    if path.suffix.lower() in SUFFIXES:
        return True
    with path.open("rb") as stream:
        return stream.read(132)[128:] == MAGIC


@dataclass(frozen=True, eq=False)
class DicomSlice:
    """An open file of a series: its header is read, its voxels are not."""

    path: Path
    reader: "SimpleITK.ImageFileReader"

    @classmethod
    def open(cls, path: Path) -> "DicomSlice":
        """Read the header. Raises AiwaveError, naming the file, if it is not an image or is a colour image."""
        reader = opened(path, "GDCMImageIO")
        check_single_channel(str(path), reader.GetNumberOfComponents())
        return cls(path, reader)

    def tag(self, key: str, default: str = "") -> str:
        """Text of the tag `key`, written "gggg|eeee"."""
        return self.reader.GetMetaData(key).strip(" \0") if self.reader.HasMetaDataKey(key) else default

    @property
    def size(self) -> tuple[int, ...]:
        """(D, H, W); a single slice has depth 1."""
        return (*(1,) * (3 - self.reader.GetDimension()), *reversed(self.reader.GetSize()))

    @cached_property
    def direction(self) -> np.ndarray:
        """Direction cosines (3, 3), with columns along x, y and z of the image."""
        axes = self.reader.GetDimension()
        return np.reshape(self.reader.GetDirection(), (axes, axes))

    @property
    def height(self) -> float:
        """Position of the slice along the normal of its plane, in mm."""
        return float(np.dot(self.reader.GetOrigin(), self.direction[:, 2]))

    @property
    def number(self) -> float:
        """The instance number; 0 if there is none."""
        return float(self.tag(NUMBER) or 0)

    @property
    def rescale(self) -> tuple[float, float]:
        """Rescale slope and intercept, 1 and 0 if not declared. GDCM reads a slope of 0 as 1."""
        return float(self.tag(SLOPE) or 1) or 1.0, float(self.tag(INTERCEPT) or 0)

    def voxels(self) -> np.ndarray:
        """Read the voxels as stored, (D, H, W).

        SimpleITK always returns slope * stored + intercept, in double precision, or in integers if both are integers.
        The inverse is exact, and is verified. Raises AiwaveError, naming the file, if it is damaged.
        """
        given = voxels_of(self.reader, self.path)
        slope, intercept = self.rescale
        if (slope, intercept) == (1, 0):
            return given.reshape(self.size)
        stored = np.rint((given.astype(np.float64) - intercept) / slope)
        low, high = self._range
        if not np.array_equal(slope * stored + intercept, given) or stored.min() < low or stored.max() > high:
            raise AiwaveError(
                f"{self.path}: the stored values cannot be recovered from those rescaled by slope {slope:g} and "
                f"intercept {intercept:g}: convert the series to NIfTI without rescaling."
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


def takes(path: Path) -> bool:
    """True if `path` is a DICOM file, or a folder with DICOM files in it or in its subfolders."""
    return is_dicom(path) if path.is_file() else any(is_dicom(file) for file in sorted(path.rglob("*")))


def read(path: Path) -> list[Image]:
    """Read every series of a folder, sorted by identifier, or the one of a file.

    Raises AiwaveError, naming the file, for files that cannot be read or differ from the others of their series in
    size, orientation, pixel spacing or rescaling, and for missing slices.
    """
    files = [path] if path.is_file() else [file for file in sorted(path.rglob("*")) if is_dicom(file)]
    series: dict[str, list[DicomSlice]] = {}
    for file in files:
        one = DicomSlice.open(file)
        series.setdefault(one.tag(SERIES), []).append(one)
    return [_volume(slices) for _, slices in sorted(series.items())]


def _volume(slices: Sequence[DicomSlice]) -> Image:
    """One series: a multi-frame file, or slices sorted by position; several per position form a time series."""
    first = slices[0]
    for other in slices[1:]:
        _check_alike(first, other)
    if first.size[0] > 1:
        if len(slices) > 1:
            raise AiwaveError(
                f"{first.path} holds {first.size[0]} slices and {slices[1].path.name} is of the same series: put them "
                "into separate folders."
            )
        return _placed(first, first.voxels(), first.reader.GetSpacing()[2])
    ordered = sorted(slices, key=lambda one: (one.height, one.number, one.path.name))
    stacks, gap = _by_place(ordered)
    voxels = np.stack([np.concatenate([one.voxels() for one in stack]) for stack in stacks])
    return _placed(ordered[0], voxels if len(stacks) > 1 else voxels[0], gap)


def _check_alike(first: DicomSlice, other: DicomSlice) -> None:
    for words, same in (
        ("another size", first.size == other.size),
        ("another orientation", np.allclose(first.direction, other.direction, atol=TURN)),
        ("another pixel spacing", np.allclose(first.reader.GetSpacing()[:2], other.reader.GetSpacing()[:2])),
        ("another rescale slope or intercept", first.rescale == other.rescale),
    ):
        if not same:
            raise AiwaveError(
                f"{other.path} has {words} than {first.path.name} of the same series: move the slices that do not "
                "belong to the volume elsewhere."
            )


def _by_place(slices: Sequence[DicomSlice]) -> tuple[list[list[DicomSlice]], float]:
    """One list of slices per time point, and the distance between slices. Raises AiwaveError for missing slices."""
    heights = np.array([one.height for one in slices])
    starts = [0, *(np.flatnonzero(np.diff(heights) > 1e-3) + 1).tolist()]
    places = [list(slices[a:b]) for a, b in zip(starts, [*starts[1:], len(slices)], strict=True)]
    times = max(len(place) for place in places)
    for place in places:
        if len(place) < times:
            raise AiwaveError(
                f"{place[0].path}: its position has {len(place)} of {times} slices of the series: add the missing "
                "ones, or move the repeated ones elsewhere."
            )
    gaps = np.diff([place[0].height for place in places])
    if len(gaps) == 0:
        return [list(stack) for stack in zip(*places, strict=True)], float(slices[0].tag(THICKNESS) or 1)
    usual = float(np.median(gaps))
    for k in np.flatnonzero(np.abs(gaps - usual) > GAP * usual):
        raise AiwaveError(
            f"{places[k][0].path.parent}: slices are missing between {_name(places[k][0])} and "
            f"{_name(places[k + 1][0])}, which lie {gaps[k]:g} mm apart instead of {usual:g} mm: add them."
        )
    return [list(stack) for stack in zip(*places, strict=True)], float(np.mean(gaps))


def _name(one: DicomSlice) -> str:
    return f"{one.path.name} (number {one.tag(NUMBER, '?')})"


def _placed(first: DicomSlice, voxels: np.ndarray, gap: float) -> Image:
    x, y = first.reader.GetSpacing()[:2]
    a, b, c = first.reader.GetOrigin()[:3]
    slope, intercept = first.rescale
    direction = tuple(float(value) + 0.0 for value in first.direction.flat)
    return Image(voxels, (gap, y, x), (a, b, c), direction, slope, intercept, first.tag(MODALITY))
