"""Differences between voxels and what is read back, summed over many chunks."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..images.image import peak_of


@dataclass(frozen=True)
class ErrorsSeen:
    """Sums over measured voxels: their number, the squared error, the largest error, lowest and highest value."""

    voxels: int = 0
    squared: float = 0.0
    largest: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    @classmethod
    def between(cls, voxels: np.ndarray, decoded: np.ndarray) -> "ErrorsSeen":
        """Those of arrays of any numeric type; where both are not finite, only equal ones are no error."""
        if not voxels.size:
            return cls()
        if np.array_equal(voxels, decoded, equal_nan=voxels.dtype.kind == "f"):
            squared = largest = 0.0
        else:
            with np.errstate(invalid="ignore", over="ignore"):
                difference = np.abs(voxels.astype(np.float64) - decoded.astype(np.float64))
                finite = np.isfinite(difference)
                squared = float(np.square(difference, where=finite, out=np.zeros_like(difference)).sum())
            largest = float(difference.max(where=finite, initial=0.0))
        finite_voxels = voxels[np.isfinite(voxels)] if voxels.dtype.kind == "f" else voxels
        if not finite_voxels.size:
            return cls(voxels.size, squared, largest)
        return cls(voxels.size, squared, largest, float(finite_voxels.min()), float(finite_voxels.max()))

    def __add__(self, other: "ErrorsSeen") -> "ErrorsSeen":
        """The sums over both."""
        return ErrorsSeen(
            self.voxels + other.voxels,
            self.squared + other.squared,
            max(self.largest, other.largest),
            min(self.low, other.low),
            max(self.high, other.high),
        )

    def psnr(self, dtype: np.dtype) -> float:
        """PSNR [dB] with peak 255 for 8-bit and 65535 for 16-bit integers, else the range of what was measured.

        Infinite without any error or range, and -inf for errors whose squares are beyond floats.
        """
        peak = peak_of(dtype) if dtype.kind in "ui" and dtype.itemsize < 3 else self.high - self.low
        if not self.squared or not peak > 0:
            return math.inf
        if math.isinf(self.squared):
            return -math.inf
        return 20 * math.log10(peak) + 10 * math.log10(self.voxels / self.squared)

    def as_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return {name: value if math.isfinite(value) else None for name, value in asdict(self).items()}

    @classmethod
    def of(cls, found: dict[str, Any]) -> "ErrorsSeen":
        """The inverse of `as_dict`."""
        given = {name: value for name, value in found.items() if value is not None}
        return cls(**{"squared": math.inf, **given})
