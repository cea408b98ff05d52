"""Axes of an array: names, units, and where its voxels lie."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import AiwaveError

ORDER = "tczyx"
"""Names of axes, in the order of OME-Zarr."""

BY_COUNT = {3: "zyx", 4: "tzyx", 5: "tczyx"}
"""Names of axes of arrays that do not tell them; a series is one of times, as in image files."""

KINDS = {"t": "time", "c": "channel"}
"""Types of axes of OME-Zarr; the others are space."""

UNITS = {
    "pm": "picometer",
    "Å": "angstrom",
    "nm": "nanometer",
    "um": "micrometer",
    "µm": "micrometer",
    "μm": "micrometer",
    "micron": "micrometer",
    "mm": "millimeter",
    "cm": "centimeter",
    "m": "meter",
    "ns": "nanosecond",
    "us": "microsecond",
    "ms": "millisecond",
    "s": "second",
    "sec": "second",
}
"""Names of units of OME-Zarr by their symbols."""


@dataclass(frozen=True)
class Axis:
    """One axis: `name` is one of t, c, z, y, x; `unit` is OME-Zarr's, such as nanometer, or empty if unknown.

    Voxel number k lies at `translation` + k * `scale`, in that unit.
    """

    name: str
    unit: str = ""
    scale: float = 1.0
    translation: float = 0.0

    def as_dict(self) -> dict[str, str]:
        """The axis as OME-Zarr's metadata has it."""
        found = {"name": self.name, "type": KINDS.get(self.name, "space")}
        return found | ({"unit": self.unit} if self.unit else {})


def unit_name(unit: object) -> str:
    """OME-Zarr's name for a unit; what is unknown stays as it is."""
    text = unit if isinstance(unit, str) else ""
    return UNITS.get(text, text)


def names_of(name: str, count: int, given: Sequence[object] | None, wanted: str | None = None) -> str:
    """Names of an array's axes, in its order: as `wanted` by the user, as `given` by its metadata, or by their number.

    Raises AiwaveError, naming the array, if they are not z, y, x and at most t and c.
    """
    if wanted is None and given is not None and all(isinstance(one, str) and one for one in given):
        wanted = "".join("c" if one == "channel" else str(one).lower()[:2] for one in given)
        if not _are_names(wanted, count):
            wanted = None
    if wanted is None:
        if count not in BY_COUNT:
            raise AiwaveError(f"{name} has {count} axes: volumes have 3 to 5, of which the last are z, y, x.")
        return BY_COUNT[count]
    if not _are_names(wanted, count):
        raise AiwaveError(
            f"{name} has {count} axes, which {wanted!r} does not name: give one letter for each, z, y, x and at "
            "most t and c, as in tczyx."
        )
    return wanted


def _are_names(wanted: str, count: int) -> bool:
    return len(wanted) == count == len(set(wanted)) and set("zyx") <= set(wanted) <= set(ORDER)
