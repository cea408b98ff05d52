"""Stacks of DICOM planes: which belong together, their order in space and time, and the image they form."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import AiwaveError
from . import dicom_mosaic
from .dicom_instance import text
from .dicom_original import original_of
from .dicom_planes import Plane, is_cine, period_of
from .image import IDENTITY, Image

GAP = 0.1  # tolerance of slice distances, as a fraction of the usual one
TURN = 1e-3  # tolerance of a direction cosine
SAME = 1e-3  # distance in mm within which planes lie at one place
LISTED = 4  # files that a message names
SHEAR = 0.05  # sideways shift of the last slice against the first, in pixels, that is not rounding
FEWEST = 3  # planes of a stack beside another one of its series


@dataclass(frozen=True, eq=False)
class Stack:
    """Planes by time and place, [T][D], with the geometry of an `Image`."""

    planes: list[list[Plane]]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]
    direction: tuple[float, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """(D, H, W), or (T, D, H, W) if there are several times."""
        times = () if len(self.planes) == 1 else (len(self.planes),)
        return (*times, len(self.planes[0]), *self.planes[0][0].size)


def stacks_of(planes: Sequence[Plane]) -> list[list[Plane]]:
    """Planes of one series, split into those that are alike in size, orientation, pixel spacing and type.

    Localizers share a series with other images. If an odd one has fewer than three planes, all stay together, for
    `arrange` to refuse them.
    """
    found: list[list[Plane]] = []
    for plane in planes:
        same = next((stack for stack in found if not any(_differences(stack[0], plane))), None)
        found.append([plane]) if same is None else same.append(plane)
    return found if len(found) == 1 or min(len(stack) for stack in found) >= FEWEST else [list(planes)]


def arrange(planes: Sequence[Plane]) -> Stack:
    """Sort the planes of a stack by place and time; their direction is that in which they follow each other.

    Raises AiwaveError, naming the file, for planes unlike the others, missing ones, and ones beside the line of the
    others.
    """
    first = planes[0]
    for other in planes[1:]:
        for difference in _differences(first, other):
            raise AiwaveError(
                f"{other.instance.path} has {difference} {first.instance.path.name} of the same series: move the "
                "slices that do not belong to the volume elsewhere."
            )
    if first.position is None or first.axes is None:
        ordered = sorted(planes, key=lambda one: (one.order[0][1], one.order))
        cine = is_cine(first.instance)
        spacing = (first.gap or 1.0, *first.spacing)
        return Stack([[one] for one in ordered] if cine else [ordered], spacing, (0.0, 0.0, 0.0), IDENTITY)
    normal = np.cross(*first.axes)
    heights = {id(one): float(np.dot(_position(one), normal)) for one in planes}
    ordered = sorted(planes, key=lambda one: (heights[id(one)], one.order))
    starts = [0, *(np.flatnonzero(np.diff([heights[id(one)] for one in ordered]) > SAME) + 1).tolist()]
    places = [sorted(ordered[a:b], key=lambda one: one.order) for a, b in zip(starts, [*starts[1:], None], strict=True)]
    _check_times(places)
    step = _step([place[0] for place in places], normal)
    gap = float(np.linalg.norm(step))
    x, y, z = (float(value) for value in _position(places[0][0]))
    columns = np.stack([*first.axes, step / gap], axis=1)
    direction = tuple(float(value) + 0.0 for value in columns.flat)
    return Stack([list(stack) for stack in zip(*places, strict=True)], (gap, *first.spacing), (x, y, z), direction)


def image_of_stack(stack: Stack) -> Image:
    """Read the pixels of a stack, each file once. Raises AiwaveError, naming the file, if one is damaged."""
    first = stack.planes[0][0]
    flat = [plane for time in stack.planes for plane in time]
    voxels = np.empty((len(flat), *first.size), first.instance.dtype)
    targets: dict[int, list[int]] = {}
    for k, plane in enumerate(flat):
        targets.setdefault(id(plane.instance), []).append(k)
    unused = []
    for places in targets.values():
        frames, rest = _frames(flat[places[0]])
        for k in places:
            voxels[k] = frames[flat[k].index]
        unused.append(rest.tobytes())
    rescales = {plane.rescale for plane in flat}
    slope, intercept = rescales.pop() if len(rescales) == 1 else (1.0, 0.0)  # the header keeps those of every slice
    segments = first.segment > 0
    return Image(
        voxels.reshape(stack.shape),
        stack.spacing,
        stack.origin,
        stack.direction,
        slope,
        intercept,
        text(first.instance.header, "Modality"),
        period=period_of(first.instance) if len(stack.planes) > 1 and not segments else 0.0,
        channels=segments and len(stack.planes) > 1,
        original=original_of(flat, unused),
    )


def _differences(first: Plane, other: Plane) -> Iterator[str]:
    """Difference of a plane from the first of its series, worded to stand between their names."""
    if first.size != other.size:
        yield "another size than"
    elif (first.axes is None) != (other.axes is None):
        yield "no position, unlike" if other.axes is None else "a position, unlike"
    elif first.axes is not None and other.axes is not None and not np.allclose(first.axes, other.axes, atol=TURN):
        yield "another orientation than"
    elif not np.allclose(first.spacing, other.spacing):
        yield "another pixel spacing than"
    elif first.instance.dtype != other.instance.dtype:
        yield "another type of voxel than"
    elif first.axes is None and first.instance is not other.instance and first.instance.count > 1:
        yield "several frames without positions, like"


def _check_times(places: Sequence[Sequence[Plane]]) -> None:
    """Raise AiwaveError if a place has fewer or more planes, or other segments, than most of the others."""
    segments = sorted({one.segment for place in places for one in place})
    counts = Counter(len(place) for place in places)
    usual = max(counts, key=lambda count: (counts[count], count))
    for place in places:
        if len(segments) > 1 and [one.segment for one in place] != segments:
            raise AiwaveError(
                f"{place[0].instance.path}: its {len(segments)} segments do not cover the same slices, so they are no "
                "channels of one volume: save each segment as a file of its own."
            )
        if len(place) < usual:
            raise AiwaveError(
                f"{place[0].instance.path}: its position has {len(place)} of {usual} slices of the series: add the "
                "missing ones, or move the repeated ones elsewhere."
            )
        if len(place) > usual:
            names = " and ".join(dict.fromkeys(one.name for one in place[:LISTED]))
            raise AiwaveError(
                f"{place[0].instance.path.parent}: {names} lie at one position, but most positions of the series have "
                f"{usual} {'slice' if usual == 1 else 'slices'}: move the repeated ones elsewhere."
            )


def _step(planes: Sequence[Plane], normal: np.ndarray) -> np.ndarray:
    """Vector from one plane to the next, (x, y, z) in mm, along `normal` if only one or not sheared.

    Raises AiwaveError if planes are missing, or do not lie on one line.
    """
    first, positions = planes[0], np.array([_position(one) for one in planes])
    if len(planes) == 1:
        return normal * (first.gap or 1.0)
    gaps = np.diff(positions @ normal)
    usual = float(np.median(gaps))
    for k in np.flatnonzero(np.abs(gaps - usual) > GAP * usual).tolist():
        raise AiwaveError(
            f"{first.instance.path.parent}: slices are missing between {planes[k].name} and {planes[k + 1].name}, "
            f"which lie {gaps[k]:g} mm apart instead of {usual:g} mm: add them."
        )
    whole = positions[-1] - positions[0]
    straight = float(np.dot(whole, normal)) * normal
    if np.linalg.norm(whole - straight) <= SHEAR * min(first.spacing):
        whole = straight
    step = whole / (len(planes) - 1)
    sideways = positions - positions[0] - np.arange(len(planes))[:, None] * step
    sideways -= (sideways @ normal)[:, None] * normal
    off = np.linalg.norm(sideways, axis=1)
    if off.max() > max(GAP * usual, SHEAR * min(first.spacing)):
        worst = planes[int(off.argmax())]
        raise AiwaveError(
            f"{worst.instance.path}: {worst.name} lies {off.max():.3g} mm beside the line of the other slices: give "
            "the slices of one straight stack."
        )
    return step


def _frames(plane: Plane) -> tuple[np.ndarray, np.ndarray]:
    """Frames or tiles of the plane's file, (F, H, W), and the bits of its pixels that they do not hold, [] if none."""
    frames, unused = plane.instance.pixels()
    if not plane.tiles:
        return frames, unused
    tiles = dicom_mosaic.unpacked(frames[0], plane.tiles)
    blank = frames[0] ^ dicom_mosaic.packed(tiles)
    if not blank.any():
        return tiles, unused
    blank = blank.view(f"u{blank.itemsize}")
    return tiles, blank[None] if unused.size == 0 else unused ^ blank


def _position(plane: Plane) -> np.ndarray:
    """Position of a plane that has one."""
    return np.zeros(3) if plane.position is None else plane.position
