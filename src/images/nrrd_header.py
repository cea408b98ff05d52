"""Header of an NRRD file: its text, fields, and what they say of axes and geometry."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

import numpy as np

from ..errors import AiwaveError
from .image import unreadable
from .physical_units import millimetres, number, seconds
from .placement import Placement, spacing_and_direction

LINE = 1 << 24  # longest line, in bytes
FLIPS = {"right-anterior": (-1, -1, 1), "ras": (-1, -1, 1), "left-anterior": (1, -1, 1), "las": (1, -1, 1)}
"""Signs of the axes of spaces, by the beginning of their names, that turn them into left, posterior, superior."""
SPATIAL, UNKNOWN = ("domain", "space"), ("???", "none", "")
SEQUENCES = ("DWMRI_", "MultiVolume.")
"""Beginnings of keys of 3D Slicer's sequences, whose volumes may be stored as vectors."""


@dataclass(frozen=True)
class NrrdHeader:
    """`text` of the header with the blank line after it; `fields` by name, in lower case without spaces.

    `keys` are those of the key/value pairs, `files` the lines after a `data file: LIST`.
    """

    path: Path
    text: bytes
    fields: dict[str, str]
    keys: tuple[str, ...]
    files: tuple[str, ...]

    def words(self, name: str) -> list[str]:
        """Words of a field, none if it is missing."""
        return self.fields.get(name, "").split()

    def needed(self, name: str) -> str:
        """Text of a field. Raises AiwaveError, naming the file, if it is missing."""
        if name not in self.fields:
            raise unreadable(str(self.path), f"its header has no field {name!r}")
        return self.fields[name]

    @cached_property
    def sizes(self) -> list[int]:
        """Lengths of the axes, fastest first. Raises AiwaveError, naming the file, if they are none."""
        words = self.needed("sizes").split()
        if not words or not all(re.fullmatch(r"\d+", word) for word in words):
            raise unreadable(str(self.path), f"its sizes are {self.fields['sizes']!r}")
        return [int(word) for word in words]

    @cached_property
    def letters(self) -> str:
        """Letters of the axes, fastest first, as in `AxisOrder`. Raises AiwaveError for complex voxels.

        A list is a sequence of volumes; other axes without a place in space, such as vectors and colours, are channels.
        """
        kinds = [word.strip('"').lower() for word in self.words("kinds")]
        kinds += ["???"] * (len(self.sizes) - len(kinds))
        is_sequence = any(key.startswith(SEQUENCES) for key in self.keys)
        free, letters = list("XYZT"), ""
        for axis, kind in enumerate(kinds[: len(self.sizes)]):
            placed = not self._steps or self._steps[axis] is not None
            if kind == "complex":
                raise AiwaveError(f"{self.path} holds complex voxels: save their real and imaginary parts apart.")
            if kind in SPATIAL or (kind in UNKNOWN and placed):
                letters += free.pop(0) if free else "Q"
            elif kind in ("list", "time") or (kind in UNKNOWN and axis == len(self.sizes) - 1):
                letters += "T"
                free = [letter for letter in free if letter != "T"]
            else:
                letters += "T" if kind == "vector" and is_sequence else "C"
        return letters

    @cached_property
    def _steps(self) -> list[list[float] | None]:
        """Vectors of the space directions, None for an axis outside space; empty if there are none."""
        found = re.findall(r"none|\([^)]*\)", self.fields.get("spacedirections", ""))
        steps = [_vector(word) for word in found] if len(found) == len(self.sizes) else []
        return [None if np.isnan(step).all() else step for step in steps]

    def placement(self) -> Placement:
        """Spacing (z, y, x) [mm], origin (x, y, z) [mm] and direction, in ITK's space: left, posterior, superior."""
        axes = [self.letters.find(letter) for letter in "XYZ"]
        if not self._steps:
            return self._axis_placement(axes)
        matrix = np.eye(3)
        for column, axis in enumerate(axes):
            step = self._steps[axis] if axis >= 0 else None
            if step is not None:
                matrix[:, column] = np.multiply(_three(step), self._signs)
        x, y, z = np.nan_to_num(np.multiply(_three(_vector(self.fields.get("spaceorigin", ""))), self._signs)) + 0.0
        spacing, direction = spacing_and_direction(matrix, (1.0, 1.0, 1.0))
        return spacing, (float(x), float(y), float(z)), direction

    @property
    def _signs(self) -> np.ndarray:
        """Signs of the axes of space, times their units in mm."""
        space = self.fields.get("space", "").lower()
        signs = next((signs for name, signs in FLIPS.items() if space.startswith(name)), (1, 1, 1))
        units = _quoted(self.fields.get("spaceunits", ""))
        return np.multiply(signs, [millimetres(_entry(units, axis)) or 1.0 for axis in range(3)])

    def _axis_placement(self, axes: Sequence[int]) -> Placement:
        """The same from spacings and the least positions of axes, those of the borders of voxels unless of nodes."""
        lengths, origin = [], []
        for axis in axes:
            unit = millimetres(_entry(self._units, axis)) or 1.0
            length = number(_entry(self.words("spacings"), axis))
            least = number(_entry(self.words("axismins"), axis))
            lengths.append((1.0 if length is None else length) * unit)
            node = _entry(self.words("centers"), axis).lower() == "node"
            origin.append(0.0 if least is None else least * unit + (0.0 if node else lengths[-1] / 2))
        spacing, direction = spacing_and_direction(np.eye(3), lengths)
        x, y, z = origin
        return spacing, (x, y, z), direction

    def period(self) -> float:
        """Time between volumes [s], 0 if it or its unit is not declared."""
        axis = self.letters.find("T")
        step = self._steps[axis] if self._steps and axis >= 0 else None
        if step is not None and len(step) == 4:
            length, unit = number(step[3]), _entry(_quoted(self.fields.get("spaceunits", "")), 3)
        else:
            length, unit = number(_entry(self.words("spacings"), axis)), _entry(self._units, axis)
        duration = seconds(unit)
        return abs(length * duration) if length is not None and duration is not None else 0.0

    @property
    def _units(self) -> list[str]:
        return _quoted(self.fields.get("units", ""))


def read_nrrd_header(path: Path) -> NrrdHeader:
    """Read the header of a file. Raises AiwaveError, naming it, if it is not NRRD."""
    with path.open("rb") as stream:
        return parse_nrrd_header(stream, path)


def parse_nrrd_header(stream: IO[bytes], path: Path) -> NrrdHeader:
    """Parse the header at the beginning of a stream. Raises AiwaveError, naming `path`, if it is not NRRD."""
    text = bytearray(stream.readline(LINE))
    if not text.startswith(b"NRRD"):
        raise AiwaveError(f"{path} cannot be read: it does not begin with NRRD, so it is damaged or of another format.")
    fields: dict[str, str] = {}
    keys: list[str] = []
    files: list[str] = []
    while line := stream.readline(LINE):
        text += line
        words = line.decode("utf-8", "replace").rstrip("\r\n")
        if not words:
            break
        if fields.get("datafile", "").upper().startswith("LIST"):
            files.append(words)
            continue
        found = re.match(r"([^#:=][^:]*)(:=|:\s*)(.*)", words)
        if found is not None and found[2] == ":=":
            keys.append(found[1])
        elif found is not None:
            fields[field_name(found[1])] = found[3].strip()
    return NrrdHeader(path, bytes(text), fields, tuple(keys), tuple(files))


def field_name(name: str) -> str:
    """Name of a field as in `NrrdHeader.fields`: older files write it without spaces."""
    return name.replace(" ", "").lower().replace("centerings", "centers")


def _vector(text: str) -> list[float]:
    """Numbers of a vector; NaN where there is none."""
    numbers = (number(word) for word in text.strip().strip("()").split(",") if word.strip())
    return [float("nan") if value is None else value for value in numbers]


def _three(vector: Sequence[float]) -> list[float]:
    """The first three numbers of a vector, in space; a plane has 0 for the third."""
    return [*vector, 0.0, 0.0, 0.0][:3]


def _quoted(text: str) -> list[str]:
    """Words in quotation marks, or without."""
    return [quoted or word for quoted, word in re.findall(r'"([^"]*)"|(\S+)', text)]


def _entry(words: Sequence[str], axis: int) -> str:
    return words[axis] if 0 <= axis < len(words) else ""
