"""JP3D (JPEG 2000 Part 10), coded by OpenJPEG 2.3.1."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .program import ExternalAnchor, printed, write_raw

TRANSFORM = ("-T", "3DWT")

REFUSED = 'not valid "-T'


class Jp3d(ExternalAnchor):
    """3-D wavelet and 3-D code blocks. Quality: compression ratio of the stored bits; 1 is lossless.

    The published command line has `-T 3DWT`, which Linux builds reject (with exit status 0): it is dropped for those,
    as they use the 3-D wavelet anyway.
    """

    stream, decoded = "output.jp3d", "output.bin"
    least = (2, 16, 16)  # smaller ones are not always decoded

    def side_files(self, volume: np.ndarray, quality: float, folder: Path, encoder: Path) -> dict[str, Any]:
        """See `ExternalAnchor.side_files`: raw voxels, and their description as .img."""
        if quality < 1:
            raise self.refuse(quality, "1 or more")
        depth, height, width = volume.shape
        write_raw(volume, folder / "input.bin")
        lines = (
            f"Bpp\t{8 * volume.itemsize}",
            "Color Map\t2",
            f"Dimensions\t{width}\t{height}\t{depth}",
            "Resolution(mm)\t1\t1\t1\t",
        )
        (folder / "config.img").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return {"quality": f"{quality:g}"}

    def command(self, step: str, values: Mapping[str, Any]) -> list[str]:
        """See `ExternalAnchor.command`."""
        words = super().command(step, values)
        if step == "encode" and "-T" in words and REFUSED in printed((str(values["encoder"]), *TRANSFORM)):
            at = words.index("-T")
            return words[:at] + words[at + 2 :]
        return words
