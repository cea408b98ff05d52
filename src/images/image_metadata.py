"""Geometry of an image in the metadata of a stream, and back."""

import math
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np

from ..errors import AiwaveError
from .image import GEOMETRY, Image


def image_metadata(image: Image) -> dict[str, Any]:
    """The geometry of an image, without fields that have their default."""
    defaults = {field.name: field.default for field in fields(Image)}
    found = {name: getattr(image, name) for name in GEOMETRY}
    return {name: _plain(value) for name, value in found.items() if value != defaults[name]}


def image_of(voxels: np.ndarray, metadata: Mapping[str, Any]) -> Image:
    """Image of decoded voxels, with the geometry in a stream's metadata. Raises AiwaveError if that is invalid."""
    image = Image(voxels)
    given: dict[str, Any] = {}
    for name in GEOMETRY:
        if name not in metadata:
            continue
        default, value = getattr(image, name), metadata[name]
        numbers = value if isinstance(default, tuple) else [value]
        size = len(default) if isinstance(default, tuple) else 1
        if not isinstance(numbers, list) or len(numbers) != size or not all(_is_number(x) for x in numbers):
            raise AiwaveError(f"The file is damaged: its {name} is {value!r}.")
        given[name] = tuple(float(x) for x in numbers) if isinstance(default, tuple) else float(value)
    return replace(image, **given)


def part_of(image: Image, start: tuple[int, int, int], level: int) -> Image:
    """Image with the geometry of a region's preview: every 2**`level`-th voxel from `start` (z, y, x) on."""
    step = 1 << level
    z, y, x = ((first >> level) << level for first in start)
    depth, height, width = (side * step for side in image.spacing)
    return replace(image, origin=image.position((z, y, x)), spacing=(depth, height, width))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _plain(value: Any) -> Any:
    return [float(x) for x in value] if isinstance(value, tuple) else float(value)
