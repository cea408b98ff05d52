"""An array that is read box by box, whatever holds its voxels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from ..errors import AiwaveError
from ..images.image import Original
from ..images.image_metadata import image_metadata, image_of, part_of
from .axes import Axis

Box = tuple[slice, ...]
"""One slice with a start and a stop for each axis."""


class Voxels(Protocol):
    """Something small that can be sent to another process, and reads there."""

    def read(self, box: Box) -> np.ndarray:
        """The voxels of a box in native byte order. Raises AiwaveError if they cannot be read."""


@dataclass(frozen=True)
class StoredArray:
    """An array of 3 to 5 axes, in the order t, c, z, y, x; nothing is read before `read`.

    `name` is what the user calls it; `stamp` is text that changes if its metadata does. `geometry` is that of the image
    file that the array was made of (see `image_metadata`), which says more than axes can, `original` its header, while
    it is at hand. Raises AiwaveError for an array without voxels.
    """

    name: str
    voxels: Voxels
    shape: tuple[int, ...]
    dtype: np.dtype
    axes: tuple[Axis, ...]
    stamp: str = ""
    geometry: Mapping[str, Any] = field(default_factory=dict)
    start: tuple[int, ...] = ()
    original: Original | None = None

    def __post_init__(self) -> None:
        """Check that there are voxels."""
        if 0 in self.shape:
            raise AiwaveError(f"{self.name} has the shape {self.shape}: it holds no voxels to read.")

    def read(self, box: Box) -> np.ndarray:
        """The voxels of a box that lies in the array, in its order of axes."""
        starts = self.start or (0,) * len(self.shape)
        return self.voxels.read(tuple(slice(k + a.start, k + a.stop) for k, a in zip(starts, box, strict=True)))

    def part(self, region: Sequence[slice]) -> "StoredArray":
        """The part of the array in a region, one slice with start and stop for each axis."""
        starts = self.start or (0,) * len(self.shape)
        geometry = self.geometry
        if geometry:
            z, y, x = (one.start for one in region[-3:])
            whole = image_of(np.zeros((1,) * min(4, len(self.shape)), self.dtype), geometry)
            geometry = image_metadata(part_of(whole, (z, y, x), 0))
        return replace(
            self,
            geometry=geometry,
            shape=tuple(one.stop - one.start for one in region),
            start=tuple(k + one.start for k, one in zip(starts, region, strict=True)),
            axes=tuple(
                replace(axis, translation=axis.translation + one.start * axis.scale)
                for axis, one in zip(self.axes, region, strict=True)
            ),
        )
