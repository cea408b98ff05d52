"""DICOM files and folders through pydicom: series sorted by place and time, voxels as stored."""

import math
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ..errors import AiwaveError
from .dicom_instance import Instance, lenient, number, reading, text
from .dicom_planes import Plane, planes_of
from .dicom_stack import Stack, arrange, image_of_stack, stacks_of
from .image import Image

MAGIC = b"DICM"
SUFFIXES = (".dcm", ".dicom", ".ima")
LISTED = 8  # series that a message lists


@dataclass(frozen=True, eq=False)
class Series:
    """A series, or the part of one with a size and an orientation of its own; `number` is DICOM's, "" if unknown."""

    number: str
    description: str
    modality: str
    planes: tuple[Plane, ...]

    def __str__(self) -> str:
        files = len({id(plane.instance) for plane in self.planes})
        count = f"{len(self.planes)} slices" if len(self.planes) > 1 else "1 slice"
        files_too = f" in {files} files" if 1 < files < len(self.planes) else ""
        return f"{self.description or 'no description'} ({self.modality or 'no modality'}, {count}{files_too})"

    @property
    def order(self) -> float:
        """The number to sort by, infinite if it is unknown or no number."""
        try:
            return number(self.planes[0].instance.header, "SeriesNumber", math.inf)
        except ValueError:
            return math.inf

    @cached_property
    def stack(self) -> Stack:
        """Slices in order. Raises AiwaveError, naming the file, for colours, and if they do not form a volume."""
        for instance in {id(plane.instance): plane.instance for plane in self.planes}.values():
            instance.check_kind()
        return arrange(self.planes)

    def read(self) -> Image:
        """Read the voxels. Raises AiwaveError, naming the file, if a slice is missing, unlike the others or damaged."""
        with lenient():
            return image_of_stack(self.stack)


@dataclass(frozen=True, eq=False)
class Contents:
    """Series at a path, in the order of their numbers, and other DICOM files skipped: their number by kind."""

    series: list[Series]
    skipped: Counter[str]

    @property
    def note(self) -> str:
        """A sentence about the files that were skipped, "" if there are none."""
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.skipped.items()))
        return f"skipped beside the images: {kinds}" if kinds else ""


def is_dicom(path: Path) -> bool:
    """True if a file is DICOM, by its suffix or by its magic bytes."""
    if not path.is_file() or path.name == "DICOMDIR" or path.name.startswith("."):
        return False
    if path.suffix.lower() in SUFFIXES:
        return True
    with path.open("rb") as stream:
        return stream.read(132)[128:] == MAGIC


def takes(path: Path) -> bool:
    """True if `path` is a DICOM file, or a folder with DICOM files in it or in its subfolders."""
    return is_dicom(path) if path.is_file() else any(is_dicom(file) for file in sorted(path.rglob("*")))


def contents(path: Path) -> Contents:
    """Find the series of a file or folder, without reading voxels.

    Raises AiwaveError, naming the file, for files that cannot be read, and if there is no image.
    """
    with lenient():
        return _contents(path)


def _contents(path: Path) -> Contents:
    files = [path] if path.is_file() else [file for file in sorted(path.rglob("*")) if is_dicom(file)]
    skipped: Counter[str] = Counter()
    found: dict[str, list[Plane]] = {}
    for file in files:
        instance = Instance.open(file)
        with reading(file):
            if not instance.is_image:
                skipped[instance.kind] += 1
                continue
            instance.check_size()
            found.setdefault(text(instance.header, "SeriesInstanceUID"), []).extend(planes_of(instance))
    if not found:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(skipped.items()))
        raise AiwaveError(f"{path} holds no image, but {kinds}: give the files of a series of images.")
    parts = [(uid, part) for uid, planes in sorted(found.items()) for part in stacks_of(planes)]
    series = [_series(part) for _, part in parts]
    return Contents(sorted(series, key=lambda one: one.order), skipped)


def read(path: Path) -> list[Image]:
    """Read every series of a folder, in the order of their numbers, or the one of a file.

    Raises AiwaveError, naming the file, for files that cannot be read or differ from the others of their series in
    size, orientation, pixel spacing or type, and for missing slices.
    """
    return [one.read() for one in contents(path).series]


def read_one(path: Path, number: int | None = None) -> Image:
    """Read series `number`, counted from 1 in the order of `contents`, or the only one.

    Raises AiwaveError as `read` does, and if there are several and no number, or no such number.
    """
    held = contents(path)
    found = held.series
    if number is None and len(found) == 1:
        return replace(found[0].read(), note=held.note)
    if number is not None and 1 <= number <= len(found):
        return replace(found[number - 1].read(), note=held.note)
    listed = "; ".join(f"{k}: {one}" for k, one in enumerate(found[:LISTED], start=1))
    more = f"; and {len(found) - LISTED} more" if len(found) > LISTED else ""
    which = f"{path} holds {len(found)} series" if number is None else f"{path} has no series {number}"
    raise AiwaveError(f"{which}: give the folder of one, or the number of one as --series: {listed}{more}.")


def _series(planes: list[Plane]) -> Series:
    instance = planes[0].instance
    with reading(instance.path):
        keywords = ("SeriesNumber", "SeriesDescription", "Modality")
        series_number, description, modality = (text(instance.header, keyword) for keyword in keywords)
    return Series(series_number, description, modality, tuple(planes))
