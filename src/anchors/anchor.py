"""The interface of every traditional codec: volumes in, sizes and decoded volumes out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import AiwaveError


@dataclass(frozen=True, eq=False)
class Coded:
    """A volume after coding.

    Args:
        size: Bytes of everything the decoder reads.
        voxels: The decoded volume, of the original's shape and dtype if all went well.
        encode_s: Seconds to encode.
        decode_s: Seconds to decode.
    """

    size: int
    voxels: np.ndarray
    encode_s: float
    decode_s: float


@dataclass(frozen=True)
class Availability:
    """Availability of a codec on this machine: its version, if it reports one, and its location or how to get it."""

    available: bool
    version: str
    where: str


class Anchor(ABC):
    """A codec to compare with. It is sent to other processes, so it holds plain values only.

    Args:
        name: Name of the codec in tables.
        unit: Meaning of its quality, in words.
        ladder_8: Qualities for 8-bit volumes.
        ladder_16: Qualities for 16-bit volumes.
        settings: Fixed settings of the codec.
        programs: Location of external programs; None for libraries.
        about: Title, licence and source, for human readers.
    """

    def __init__(
        self,
        name: str,
        unit: str,
        ladder_8: Sequence[float],
        ladder_16: Sequence[float],
        settings: Mapping[str, Any],
        programs: Mapping[str, Any] | None,
        about: Mapping[str, str],
    ) -> None:
        self.name, self.unit = name, unit
        self._ladders = {1: tuple(ladder_8), 2: tuple(ladder_16)}
        self.settings, self.about = dict(settings), dict(about)
        self.programs = dict(programs) if programs else None

    def ladder(self, dtype: np.dtype) -> tuple[float, ...]:
        """The qualities for voxels of this dtype, 8 or 16 bits."""
        return self._ladders[dtype.itemsize]

    @abstractmethod
    def availability(self) -> Availability:
        """Look for the codec on this machine."""

    @abstractmethod
    def code(self, voxels: np.ndarray, quality: float) -> Coded:
        """Encode and decode (D, H, W) `voxels`, uint8 or uint16.

        Raises AiwaveError if the codec is missing, has no such quality, or fails.
        """

    def refuse(self, quality: float, allowed: str) -> AiwaveError:
        """The error for a quality that this codec does not have."""
        return AiwaveError(f"{self.name} has no quality {quality:g}: it is the {self.unit}, {allowed}.")
