"""HEVC and its range extensions, coded by the reference software HM."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import AiwaveError
from ...system import user_path
from .anchor import Availability, significant_bits
from .program import ExternalAnchor, write_raw

DEPTHS = (8, 12, 16)

ORDINARY = 8  # bits; above, the ordinary build's types are too narrow for low QPs

EXTENDED = 16  # bits from which HEVC needs extended internal precision


class Hm(ExternalAnchor):
    """Slices as the frames of a monochrome video, random access. Quality: QP, 48 - 6 × bits to 51.

    Samples are declared as 8, 12 or 16 bits, the least that holds the volume; more than 8 bits need the high-bit-depth
    build, and 16 also extended precision. `settings.configuration` is one of HM's own files, which lies beside the
    encoder, in its `cfg` or in `../cfg`.
    """

    stream, decoded = "input.bin", "decoded.yuv"
    multiple = (1, 8, 8)
    least = (1, 16, 16)

    def availability(self) -> Availability:
        """See `Anchor.availability`; says if the high-bit-depth build is missing."""
        there = super().availability()
        try:
            self.find("encoder_high")
            self.find("decoder_high")
        except AiwaveError:
            return replace(there, where=f"{there.where}, for 8 bits only") if there.available else there
        return there

    def encoder_key(self, voxels: np.ndarray) -> str:
        """See `ExternalAnchor.encoder_key`."""
        return "encoder" if _depth(voxels) <= ORDINARY else "encoder_high"

    def decoder_key(self, voxels: np.ndarray) -> str:
        """See `ExternalAnchor.decoder_key`."""
        return "decoder" if _depth(voxels) <= ORDINARY else "decoder_high"

    def side_files(self, volume: np.ndarray, quality: float, folder: Path, encoder: Path) -> dict[str, Any]:
        """See `ExternalAnchor.side_files`: the video, and a configuration that describes it."""
        bits = _depth(volume)
        lowest = 48 - 6 * bits
        if not (lowest <= quality <= 51 and float(quality).is_integer()):
            raise self.refuse(quality, f"a whole number from {lowest} to 51 for {bits} bits")
        depth, height, width = volume.shape
        write_raw(volume, folder / "input.yuv")
        described = {
            "SourceWidth": width,
            "SourceHeight": height,
            "FrameRate": 25,
            "FrameSkip": 0,
            "InputBitDepth": bits,
            "InternalBitDepth": bits,
            "OutputBitDepth": bits,
            "InputChromaFormat": 400,
            "ExtendedPrecision": int(bits == EXTENDED),
        }
        (folder / "config.cfg").write_text(
            "".join(f"{key} : {value}\n" for key, value in described.items()), encoding="utf-8"
        )
        configuration = self._configuration(encoder)
        return {"configuration": configuration, "depth": depth, "quality": f"{quality:g}"}

    def _configuration(self, encoder: Path) -> Path:
        given = user_path(self.settings["configuration"])
        for folder in (encoder.parent, encoder.parent / "cfg", encoder.parent.parent / "cfg"):
            if (folder / given).is_file():
                return (folder / given).resolve()
        raise AiwaveError(f"{given} is not beside {encoder} or in its cfg folder: give {self.name}'s configuration.")


def _depth(volume: np.ndarray) -> int:
    """Bit depth declared to HM: 8 for uint8, 12 or 16 for uint16."""
    least = 8 if volume.itemsize == 1 else 12
    return next(bits for bits in DEPTHS if bits >= max(least, significant_bits(volume)))
