"""DICOM series as raw images."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import AiwaveError
from .dicom_slice import MODALITY, NUMBER, SERIES, THICKNESS, DicomSlice, is_dicom
from .image import Image

GAP = 0.1  # how much the distance of two slices may differ from the others, as a fraction
TURN = 1e-3  # how much a direction cosine may differ


def takes(path: Path) -> bool:
    """Tell whether `path` is a DICOM file or a folder with some in it, or in its own folders."""
    return is_dicom(path) if path.is_file() else any(is_dicom(file) for file in sorted(path.rglob("*")))


def read(path: Path) -> list[Image]:
    """Read every series of a folder, in order of their identifiers, or the one of a file.

    Raises AiwaveError, naming the file, for one that cannot be read, or is unlike the others of its series in size,
    orientation or rescaling, and for missing slices.
    """
    files = [path] if path.is_file() else [file for file in sorted(path.rglob("*")) if is_dicom(file)]
    series: dict[str, list[DicomSlice]] = {}
    for file in files:
        opened = DicomSlice.open(file)
        series.setdefault(opened.tag(SERIES), []).append(opened)
    return [_volume(slices) for _, slices in sorted(series.items())]


def _volume(slices: Sequence[DicomSlice]) -> Image:
    """One series: a file of many frames, or slices in order of their place; several at each place are a series."""
    first = slices[0]
    for other in slices[1:]:
        _check_alike(first, other)
    if first.size[0] > 1:
        if len(slices) > 1:
            raise AiwaveError(
                f"{first.path} holds {first.size[0]} slices and {slices[1].path.name} is of the same series: put them "
                "into folders of their own."
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
    """One list of slices per time, and the distance of two slices. Raises AiwaveError for slices that are missing."""
    heights = np.array([one.height for one in slices])
    starts = [0, *(np.flatnonzero(np.diff(heights) > 1e-3) + 1).tolist()]
    places = [list(slices[a:b]) for a, b in zip(starts, [*starts[1:], len(slices)], strict=True)]
    times = max(len(place) for place in places)
    for place in places:
        if len(place) < times:
            raise AiwaveError(
                f"{place[0].path}: its place has {len(place)} of {times} slices of the series: add those missing, or "
                "move the repeated ones elsewhere."
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
