"""Metadata of OME-Zarr 0.4 and 0.5: read both, write 0.5."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from ..errors import AiwaveError
from .axes import Axis, unit_name

VERSION = "0.5"
"""Version of the metadata that is written."""


def multiscales_of(about: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The first image of several levels in a group's metadata, None if it has none.

    Raises AiwaveError if it makes no sense.
    """
    attributes = about.get("attributes") if "attributes" in about else about
    attributes = attributes.get("ome", attributes) if isinstance(attributes, Mapping) else {}
    found = attributes.get("multiscales") if isinstance(attributes, Mapping) else None
    if not found:
        return None
    try:
        image = found[0]
        paths = [one["path"] for one in image["datasets"]]
        if not paths or not all(isinstance(path, str) and ".." not in path.split("/") for path in paths):
            raise TypeError
    except (TypeError, KeyError, IndexError) as error:
        raise AiwaveError(
            "The metadata of OME-Zarr is damaged: its multiscales have no datasets with a path."
        ) from error
    return image  # type: ignore[no-any-return]


def axes_of(image: Mapping[str, Any], path: str) -> list[Axis]:
    """Axes of the level of an image at a path, in the array's order; names may be any.

    Raises AiwaveError if they make no sense.
    """
    try:
        given = [one if isinstance(one, Mapping) else {"name": one} for one in image["axes"]]
        level = next(one for one in image["datasets"] if one["path"].strip("/") == path)
        scale, translation = [1.0] * len(given), [0.0] * len(given)
        for transforms in (level.get("coordinateTransformations"), image.get("coordinateTransformations")):
            for one in transforms or ():
                if one["type"] == "scale":
                    scale = [a * float(b) for a, b in zip(scale, one["scale"], strict=True)]
                    translation = [a * float(b) for a, b in zip(translation, one["scale"], strict=True)]
                elif one["type"] == "translation":
                    translation = [a + float(b) for a, b in zip(translation, one["translation"], strict=True)]
        if not all(a and isfinite(a) for a in scale) or not all(map(isfinite, translation)):
            raise ValueError("an axis without a scale")
        named = zip(given, scale, translation, strict=True)
        return [Axis(str(one["name"]), unit_name(one.get("unit")), a, b) for one, a, b in named]
    except (TypeError, KeyError, ValueError, AttributeError, OverflowError) as error:
        raise AiwaveError(
            f"The metadata of OME-Zarr is damaged: axes or transformations of {path} make no sense."
        ) from error


def multiscales(
    name: str, levels: Sequence[tuple[str, Sequence[Axis]]], method: str, description: str
) -> dict[str, Any]:
    """Metadata of a group whose arrays are the levels, by their paths, finest first, with their axes.

    `method` names how they were made, which `description` explains.
    """
    datasets = [
        {
            "path": path,
            "coordinateTransformations": [
                {"type": "scale", "scale": [axis.scale for axis in axes]},
                {"type": "translation", "translation": [axis.translation for axis in axes]},
            ],
        }
        for path, axes in levels
    ]
    image: dict[str, Any] = {"name": name, "axes": [axis.as_dict() for axis in levels[0][1]], "datasets": datasets}
    if len(levels) > 1:
        image |= {"type": method, "metadata": {"method": "aiwave convert", "description": description}}
    return {"version": VERSION, "multiscales": [image]}
