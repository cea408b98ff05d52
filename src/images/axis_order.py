"""Axes of a file's array: which are times, channels and depth, and how to arrange them as those of an image."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import AiwaveError
from .image import check_channel, native

CHANNELS, PLANE = "CS", "YX"
KEPT = "TZYX"  # axes that count even if their length is 1


@dataclass(frozen=True)
class AxisOrder:
    """Letters and lengths of the axes of an array, slowest first, in the file `file`.

    T is time, C and S are channels (S: samples of a pixel), Z, Y, X are space; other letters have no known meaning.
    The depth is Z; without one, it is the only axis besides channels and Y, X, whatever its letter, since a stack of
    planes is a volume; or the last of several that is not T. The remaining one is time.
    """

    file: str
    letters: str
    shape: tuple[int, ...]

    @cached_property
    def _axes(self) -> tuple[list[int], list[int], list[int], list[int]]:
        """Positions of time, channels, depth, and Y and X. Raises AiwaveError if other axes remain."""
        if 0 in self.shape:
            raise AiwaveError(f"{self.file} has an empty axis in its shape {list(self.shape)}: save it with voxels.")
        if any(self.letters.count(letter) != 1 for letter in PLANE):
            raise AiwaveError(f"{self.file} {self._words}, not one Y and one X: save a volume (z, y, x).")
        used = [k for k, letter in enumerate(self.letters) if self.shape[k] > 1 or letter in KEPT]
        channels = [k for k in used if self.letters[k] in CHANNELS]
        stacks = [k for k in used if self.letters[k] not in CHANNELS + PLANE]
        depth = [k for k in stacks if self.letters[k] == "Z"]
        if not depth:
            depth = stacks if len(stacks) == 1 else [k for k in stacks if self.letters[k] != "T"][-1:]
        times = [k for k in stacks if k not in depth]
        if len(depth) > 1 or len(times) > 1:
            raise AiwaveError(
                f"{self.file} {self._words}: save a volume (z, y, x) or a series of volumes (t, z, y, x)."
            )
        return times, channels, depth, [self.letters.index(letter) for letter in PLANE]

    @property
    def _words(self) -> str:
        return f"has {len(self.shape)} axes {self.letters} {list(self.shape)}"

    @property
    def channels(self) -> int:
        """Number of channels."""
        return math.prod(self.shape[k] for k in self._axes[1])

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(D, H, W), (T, D, H, W) or (C, D, H, W); (T C, D, H, W) if there are both times and channels."""
        times, channels, depth, plane = self._axes
        sides = tuple(self.shape[k] for k in plane)
        volume = (math.prod(self.shape[k] for k in depth), *sides)
        frames = [math.prod(self.shape[k] for k in (*times, *channels))] if times or channels else []
        return (*frames, *volume)

    def arranged(self, array: np.ndarray, channel: int | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        """Voxels of an image, of `image_shape`, in native byte order, and fields that say what its first axis counts.

        With `channel`, counted from 1, only that one is returned. Raises AiwaveError if it does not exist.
        """
        times, channels, depth, plane = self._axes
        if channel is None:
            ordered = np.transpose(array, [*times, *channels, *depth, *plane, *self._unused])
            counted = {"hyperstack": self.channels} if times and channels else {"channels": bool(channels)}
            return np.ascontiguousarray(native(ordered.reshape(self.image_shape))), counted
        check_channel(self.file, channel, self.channels if channels else 0)
        ordered = np.transpose(array, [*channels, *times, *depth, *plane, *self._unused])
        volume = tuple(self.shape[k] for k in times), tuple(self.shape[k] for k in plane)
        split = ordered.reshape(self.channels, *volume[0], -1, *volume[1])
        return np.ascontiguousarray(native(split[channel - 1])), {}

    def restored(self, voxels: np.ndarray) -> np.ndarray:
        """The file's array, of `shape`, from an image's voxels of `image_shape`."""
        times, channels, depth, plane = self._axes
        order = [*times, *channels, *depth, *plane, *self._unused]
        return np.transpose(voxels.reshape([self.shape[k] for k in order]), np.argsort(order))

    @property
    def _unused(self) -> list[int]:
        """Positions of the axes of length 1 that do not count."""
        return sorted(set(range(len(self.shape))).difference(*self._axes))
