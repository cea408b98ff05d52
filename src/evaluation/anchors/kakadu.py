"""JPEG 2000 Part 2, coded by Kakadu: slices as components, with a transform across them."""

from pathlib import Path
from typing import Any

import numpy as np

from .anchor import significant_bits
from .program import ExternalAnchor, write_raw


class Kakadu(ExternalAnchor):
    """Multi-component wavelet and EBCOT. Quality: target rate [bit/voxel], above 0.

    Kakadu counts bits per position (y, x), so it is given the rate of all slices together. The depth declared for
    samples of more than 8 bits is their number of significant bits.
    """

    stream, decoded = "output.jpx", "decoded.rawl"

    def side_files(self, volume: np.ndarray, quality: float, folder: Path, encoder: Path) -> dict[str, Any]:
        """See `ExternalAnchor.side_files`: raw slices, one after the other."""
        if not quality > 0:
            raise self.refuse(quality, "above 0")
        depth, height, width = volume.shape
        precision = 8 if volume.itemsize == 1 else max(9, significant_bits(volume))  # two bytes from 9 bits on
        write_raw(volume, folder / "input.rawl")
        return {
            "depth": depth,
            "last": depth - 1,
            "height": height,
            "width": width,
            "slice_bytes": height * width * volume.itemsize,
            "precision": precision,
            "middle": 1 << (precision - 1),
            "rate": f"{quality * depth:g}",
        }
