"""Axes in units of length, from the millimetres of an image and back."""

import numpy as np

from ..images.image import Image
from ..images.physical_units import millimetres, seconds
from .axes import Axis

LENGTHS = ((1e-4, "nanometer", 1e6), (1e-1, "micrometer", 1e3), (np.inf, "millimeter", 1.0))
"""Units for voxels shorter than a length in mm, with the number of them in a mm."""


def axes_of_image(image: Image) -> tuple[Axis, ...]:
    """Axes of an image's voxels, with the unit that suits their size, none if neither spacing nor origin is known.

    An orientation, which axes cannot have, is left out together with the origin.
    """
    plain = Image(image.voxels)
    known = (image.spacing, image.origin) != (plain.spacing, plain.origin)
    unit, factor = next((name, k) for most, name, k in LENGTHS if min(image.spacing) < most)
    origin = image.origin[::-1] if image.direction == plain.direction else (0.0, 0.0, 0.0)
    space = tuple(
        Axis(name, unit if known else "", float(f"{side * factor:.12g}"), float(f"{start * factor:.12g}"))
        for name, side, start in zip("zyx", image.spacing, origin, strict=True)
    )
    if image.voxels.ndim == 3:
        return space
    if image.channels:
        return Axis("c"), *space
    time = Axis("t", "second" if image.period else "", image.period or 1.0)
    return (time, Axis("c"), *space) if image.hyperstack else (time, *space)


def image_of_array(voxels: np.ndarray, axes: tuple[Axis, ...]) -> Image:
    """An image of voxels (z, y, x), or (t, z, y, x) or (c, z, y, x), with the spacing and origin of their axes in mm.

    Axes without a unit of length count as voxels of 1 mm.
    """
    factors = [millimetres(axis.unit) for axis in axes[-3:]]
    if any(factor is None for factor in factors):
        return Image(voxels, channels=axes[0].name == "c")
    pairs = list(zip(axes[-3:], factors, strict=True))
    z, y, x = (float(axis.scale * (k or 1.0)) for axis, k in pairs)
    oz, oy, ox = (float(axis.translation * (k or 1.0)) for axis, k in pairs)
    first = axes[0]
    period = first.scale * (seconds(first.unit) or 0.0) if first.name == "t" else 0.0
    return Image(voxels, (z, y, x), (ox, oy, oz), period=period, channels=first.name == "c")
