"""Geometry and original header of an image in the metadata of a stream, and back."""

import sys
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np

from ..errors import AiwaveError, printable
from .image import FORMATS, GEOMETRY, Image, Original


def image_metadata(image: Image) -> dict[str, Any]:
    """The geometry of an image, without fields that have their default, and the format of its original header."""
    defaults = {field.name: field.default for field in fields(Image)}
    found = {name: getattr(image, name) for name in GEOMETRY}
    entries: dict[str, Any] = {name: _plain(value) for name, value in found.items() if value != defaults[name]}
    if image.channels or image.hyperstack:
        entries["channels"] = image.channels or image.hyperstack
    if image.original is not None:
        entries["original"] = image.original.format
    return entries


def image_of(voxels: np.ndarray, metadata: Mapping[str, Any], original: bytes = b"") -> Image:
    """Image of decoded voxels, with the geometry in a stream's metadata, and its original header.

    Raises AiwaveError if they are invalid.
    """
    image = Image(voxels)
    counted = metadata.get("channels") if voxels.ndim == 4 else None
    given: dict[str, Any] = {"channels": counted is True}
    if type(counted) is int and 1 < counted < len(voxels) and len(voxels) % counted == 0:
        given["hyperstack"] = counted
    given["original"] = original_of(metadata, original)
    for name in GEOMETRY:
        if name not in metadata:
            continue
        default, value = getattr(image, name), metadata[name]
        numbers = value if isinstance(default, tuple) else [value]
        size = len(default) if isinstance(default, tuple) else 1
        if not isinstance(numbers, list) or len(numbers) != size or not all(_is_number(x) for x in numbers):
            raise AiwaveError(f"The file is damaged: its {name} is {printable(repr(value), 80)}.")
        given[name] = tuple(float(x) for x in numbers) if isinstance(default, tuple) else float(value)
    return replace(image, **given)


def original_of(metadata: Mapping[str, Any], data: bytes) -> Original | None:
    """The original header in a stream, if there is one. Raises AiwaveError if its format is unknown."""
    if not data:
        return None
    if not isinstance(metadata.get("original"), str) or metadata["original"] not in FORMATS:
        raise AiwaveError("The file is damaged: its original header is of an unknown format.")
    return Original(metadata["original"], data)


def part_of(image: Image, start: tuple[int, int, int], level: int) -> Image:
    """Image with the geometry of a region's preview: every 2**`level`-th voxel from `start` (z, y, x) on."""
    step = 1 << level
    z, y, x = ((first >> level) << level for first in start)
    depth, height, width = (side * step for side in image.spacing)
    return replace(image, origin=image.position((z, y, x)), spacing=(depth, height, width))


def _is_number(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) <= sys.float_info.max  # type: ignore[arg-type]


def _plain(value: Any) -> Any:
    return [_shortest(x) for x in value] if isinstance(value, tuple) else _shortest(value)


def _shortest(value: float) -> float | int:
    """The number in fewest digits; those of 32 bits, as most headers have, are not exact in decimals."""
    if float(value).is_integer() and abs(value) < 2**53:
        return int(value)
    with np.errstate(over="ignore"):
        short = np.float32(value)
    return float(str(short)) if float(short) == value else float(value)
