"""Planes of DICOM files: the slices, frames or mosaic tiles that volumes are stacked from, with their place."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from . import dicom_mosaic
from .dicom_instance import Instance, number, numbers, reading, text

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SPATIAL = {"ImagePositionPatient", "InStackPositionNumber", "ImagePositionVolume", "SliceLocation"}
"""Dimensions of an enhanced multi-frame image that tell the place of a frame, instead of time or contrast."""
Order = tuple[tuple[float, ...], str]


@dataclass(frozen=True, eq=False)
class Plane:
    """One slice: an image of one frame, a frame of several, or a tile of a mosaic.

    `index` counts the frames or tiles of the file. `size` is (H, W) and `spacing` (y, x) in mm; `gap` is the declared
    distance to the next slice, 0 if unknown. `axes` are unit vectors along x and y, (2, 3), and `position` is that of
    the first voxel in mm; both are None if either is not declared. `rescale` is slope and intercept. `order` sorts
    the planes at one place in time or by contrast. `segment` is the number of a segment, 0 for images. `tiles` is the
    number of tiles of a mosaic, 0 for others.
    """

    instance: Instance
    index: int
    size: tuple[int, int]
    spacing: tuple[float, float]
    gap: float
    axes: np.ndarray | None
    position: np.ndarray | None
    rescale: tuple[float, float]
    order: Order
    segment: int = 0
    tiles: int = 0

    @property
    def name(self) -> str:
        """File name with the number of the slice."""
        if self.instance.count > 1 or self.tiles:
            return f"{self.instance.path.name} (frame {self.index + 1})"
        return f"{self.instance.path.name} (number {text(self.instance.header, 'InstanceNumber') or '?'})"


def planes_of(instance: Instance) -> list[Plane]:
    """The planes of an image, in the order of the file.

    Raises AiwaveError, naming the file, if its geometry cannot be read, or its mosaic not be taken apart.
    """
    with reading(instance.path):
        header = instance.header
        if "PerFrameFunctionalGroupsSequence" in header:
            return list(_functional(instance))
        plane = _plane(instance, 0, lambda _: header)
        if dicom_mosaic.is_mosaic(header):
            return _tiles(plane)
        return [plane] if instance.count == 1 else _frames(plane)


def period_of(instance: Instance) -> float:
    """Time between the volumes of a series in seconds, 0 if it is not declared."""
    with reading(instance.path):
        places = [instance.header]
        for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
            group = _first(instance.header, keyword)
            timing = None if group is None else _first(group, "MRTimingAndRelatedParametersSequence")
            places += [] if timing is None else [timing]
        found = [
            number(place, key) for key in ("TemporalResolution", "RepetitionTime", "FrameTime") for place in places
        ]
        return next((value / 1000 for value in found if value > 0), 0.0)


def is_cine(instance: Instance) -> bool:
    """True if the frames of a file without places are times."""
    return instance.count > 1 and any(key in instance.header for key in ("FrameTime", "FrameTimeVector"))


def _plane(instance: Instance, index: int, group: Callable[[str], "Dataset"]) -> Plane:
    """The plane of a frame whose functional groups are given by name; they are the header itself for most files."""
    header, measures = instance.header, group("PixelMeasuresSequence")
    spacing = next(
        (
            found
            for key in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
            for place in (measures, header)
            if min(found := numbers(place, key, 2), default=0) > 0
        ),
        [1.0, 1.0],
    )
    gap = abs(number(measures, "SpacingBetweenSlices")) or abs(number(measures, "SliceThickness"))
    position = numbers(group("PlanePositionSequence"), "ImagePositionPatient", 3)
    axes = _axes(numbers(group("PlaneOrientationSequence"), "ImageOrientationPatient", 6))
    placed = bool(position) and axes is not None
    value = group("PixelValueTransformationSequence")
    slope = number(value, "RescaleSlope") or number(header, "DoseGridScaling") or 1.0
    times = [number(header, key) for key in ("TemporalPositionIdentifier", "InstanceNumber", "AcquisitionNumber")]
    moment = text(header, "AcquisitionTime") or text(header, "ContentTime")
    return Plane(
        instance,
        index,
        instance.size,
        (spacing[0], spacing[1]),
        gap,
        axes if placed else None,
        np.array(position) if placed else None,
        (slope, number(value, "RescaleIntercept")),
        ((*times, float(index)), f"{moment} {instance.path.name}"),
    )


def _axes(cosines: list[float]) -> np.ndarray | None:
    """Unit vectors along x and y from an orientation; None if there is none, or it spans no plane."""
    vectors = np.reshape(cosines or np.zeros(6), (2, 3))
    lengths = np.linalg.norm(vectors, axis=1)
    if min(lengths) < 0.5 or np.linalg.norm(np.cross(*vectors)) < 0.5:
        return None
    return vectors / lengths[:, None]


def _tiles(mosaic: Plane) -> list[Plane]:
    """The tiles of a mosaic. Raises AiwaveError, naming the file, if their number cannot be found."""
    instance = mosaic.instance
    found = dicom_mosaic.layout(instance.path, instance.header)
    placed = mosaic.axes is not None and found.origin is not None
    return [
        replace(
            mosaic,
            index=k,
            size=found.size,
            gap=float(np.linalg.norm(found.step)) if placed else mosaic.gap,
            position=found.origin + k * found.step if placed else None,
            axes=mosaic.axes if placed else None,
            tiles=found.count,
        )
        for k in range(found.count)
    ]


def _frames(first: Plane) -> list[Plane]:
    """The frames of a file without functional groups: a dose, a nuclear medicine image, or frames without a place."""
    instance, header = first.instance, first.instance.header
    if first.position is None and (detector := _first(header, "DetectorInformationSequence")) is not None:
        placed = _plane(instance, 0, lambda name: detector if name.startswith("Plane") else header)
        first = replace(first, position=placed.position, axes=placed.axes)
    steps = numbers(header, "GridFrameOffsetVector", instance.count)
    gap = number(header, "SpacingBetweenSlices")
    slices = numbers(header, "SliceVector", instance.count) or range(instance.count)
    steps = [step - steps[0] for step in steps] or [(k - slices[0]) * gap for k in slices]
    if first.position is None or first.axes is None or not any(steps) or is_cine(instance):
        bare = replace(first, position=None, axes=None)
        return [replace(bare, index=k, order=_at(first.order, k)) for k in range(instance.count)]
    normal = np.cross(*first.axes)
    return [
        replace(first, index=k, position=first.position + step * normal, order=_at(first.order, k))
        for k, step in enumerate(steps)
    ]


def _functional(instance: Instance) -> Iterator[Plane]:
    """The frames of an enhanced multi-frame image, each placed by its functional groups."""
    header = instance.header
    frames = list(header.PerFrameFunctionalGroupsSequence)
    if len(frames) < instance.count:
        raise ValueError(f"it has {instance.count} frames, but functional groups of {len(frames)}")
    shared = _first(header, "SharedFunctionalGroupsSequence")
    dimensions = _dimensions(header)
    axes = [k for k, pointer in enumerate(dimensions) if pointer not in SPATIAL]
    for index, frame in enumerate(frames[: instance.count]):

        def group(name: str, frame: "Dataset" = frame) -> "Dataset":
            found = _first(frame, name)
            found = _first(shared, name) if found is None and shared is not None else found
            return header if found is None else found

        plane = _plane(instance, index, group)
        content, segments = group("FrameContentSequence"), group("SegmentIdentificationSequence")
        segment = int(number(segments, "ReferencedSegmentNumber"))
        indices = numbers(content, "DimensionIndexValues", len(dimensions))
        times = [indices[k] for k in axes] if indices else []
        order = (segment, *times, number(content, "TemporalPositionIndex"), *plane.order[0])
        yield replace(plane, order=(order, plane.order[1]), segment=segment)


def _dimensions(header: "Dataset") -> list[str]:
    """Keywords of the dimensions of an enhanced multi-frame image."""
    from pydicom.datadict import keyword_for_tag

    items = header.get("DimensionIndexSequence") or []
    return [keyword_for_tag(item.DimensionIndexPointer) for item in items if "DimensionIndexPointer" in item]


def _at(order: Order, index: int) -> Order:
    return (*order[0][:-1], float(index)), order[1]


def _first(data: "Dataset", keyword: str) -> "Dataset | None":
    """First item of a sequence, None if it is absent or empty."""
    return next(iter(data.get(keyword) or []), None)
