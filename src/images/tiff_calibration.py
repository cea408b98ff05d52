"""Spacing and period of a TIFF stack, as OME-XML, ImageJ and tifffile describe them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from .physical_units import millimetres, number, seconds
from .placement import sound_length

if TYPE_CHECKING:
    import tifffile

Spacing = tuple[float, float, float]


def calibration(series: "tifffile.TiffPageSeries") -> tuple[Spacing, float]:
    """Spacing (z, y, x) [mm] and period [s] of a series; 1 and 0 where they are unknown.

    OME-XML states its units. Others state one for the pixels per unit in the resolution tags and the `spacing` of
    planes; ImageJ writes a negative `spacing` for a reversed stack, of which the magnitude counts. A resolution without
    such a unit is that of a print, such as 300 dpi, not the size of a voxel.
    """
    file = series.parent
    if file is None:
        return (1.0, 1.0, 1.0), 0.0
    at = next(k for k, other in enumerate(file.series) if other is series)
    if file.is_ome and file.ome_metadata:
        return _of_ome(file.ome_metadata, at)
    shaped = (file.shaped_metadata or ())[at:] or ({},)
    return _of_description(file.imagej_metadata or shaped[0], series.keyframe)


def ome_pixels(xml: str, image: int = 0) -> Mapping[str, str]:
    """Attributes of an image's Pixels in OME-XML, counted from 0; none if there are none."""
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return {}
    found = [element.attrib for element in root.iter() if element.tag.rpartition("}")[2] == "Pixels"]
    return found[image] if image < len(found) else {}


def _of_ome(xml: str, image: int) -> tuple[Spacing, float]:
    found = ome_pixels(xml, image)

    def length(axis: str) -> float:
        unit = millimetres(found.get(f"PhysicalSize{axis}Unit", "µm"))
        size = number(found.get(f"PhysicalSize{axis}"))
        return sound_length(size * unit if size is not None and unit is not None else None)

    step, unit = number(found.get("TimeIncrement")), seconds(found.get("TimeIncrementUnit", "s"))
    return (length("Z"), length("Y"), length("X")), abs(step * unit) if step is not None and unit is not None else 0.0


def _of_description(found: Mapping[str, Any], page: "tifffile.TiffPage | tifffile.TiffFrame") -> tuple[Spacing, float]:
    units = [found.get(key, found.get("unit")) for key in ("zunit", "yunit", "unit")]
    sizes = [found.get("spacing", 1.0), _length(page, "YResolution"), _length(page, "XResolution")]
    lengths = []
    for unit, size in zip(map(millimetres, units), map(number, sizes), strict=True):
        lengths.append(sound_length(size * unit if size is not None and unit is not None else None))
    step, unit = number(found.get("finterval")), seconds(found.get("tunit", "s"))
    z, y, x = lengths
    return (z, y, x), abs(step * unit) if step is not None and unit is not None else 0.0


def _length(page: "tifffile.TiffPage | tifffile.TiffFrame", name: str) -> float | None:
    """Length of a pixel in the unit of the description."""
    from tifffile import TiffPage

    tag = page.tags.get(name) if isinstance(page, TiffPage) else None
    above, below = tag.value if tag is not None else (1, 1)
    return below / above if above else None
