"""HEVC, coded by x265: slices as the frames of a monochrome video."""

from collections.abc import Iterator
from fractions import Fraction
from importlib.util import find_spec
from typing import Any

import numpy as np

from ...errors import AiwaveError
from .anchor import Availability, cropped, padded, significant_bits
from .slice_codecs import InProcessAnchor

SMALLEST = 32  # x265 accepts no smaller pictures

MOST_BITS = 12


class X265(InProcessAnchor):
    """Main profile for 8-bit volumes, main12 for others, 4:0:0, constant QP. Quality: QP, 0 to 51.

    Volumes with more than 12 significant bits lose the lowest ones. With `settings.lossless` the only quality is 0,
    and such volumes are refused. `settings.preset` is x265's.
    """

    def encode(self, voxels: np.ndarray, quality: float) -> bytes:
        """See `InProcessAnchor.encode`."""
        lossless = self.settings["lossless"]
        highest = 0 if lossless else 51
        if not (0 <= quality <= highest and float(quality).is_integer()):
            raise self.refuse(quality, f"a whole number from 0 to {highest}")
        bits = significant_bits(voxels)
        if lossless and bits > MOST_BITS:
            raise AiwaveError(f"{self.name} supports at most {MOST_BITS} bits, and this volume uses {bits}.")
        rate = "lossless=1" if lossless else f"qp={int(quality)}"
        frames = padded(_shortened(voxels, bits), (1, 8, 8), (1, SMALLEST, SMALLEST))
        side = min(frames.shape[1:])
        ctu = next(size for size in (64, 32, 16) if size < side)  # pictures of one CTU are not decoded as encoded
        threads = "pools=none:frame-threads=1:wpp=0"
        return b"".join(self._packets(frames, f"{rate}:ctu={ctu}:{threads}:info=0:log-level=none"))

    def decode(self, stream: bytes, shape: tuple[int, int, int], dtype: np.dtype, bits: int) -> np.ndarray:
        """See `InProcessAnchor.decode`."""
        import av

        decoder: Any = av.CodecContext.create("hevc", "r")
        decoder.thread_count = 1
        packets = [*decoder.parse(stream), *decoder.parse(b""), None]
        frames = np.stack([frame.to_ndarray() for packet in packets for frame in decoder.decode(packet)])
        whole = frames.astype(dtype) << max(0, bits - MOST_BITS)
        return cropped(whole.astype(dtype), shape)

    def availability(self) -> Availability:
        """See `Anchor.availability`: PyAV is an extra."""
        if find_spec("av") is None:
            return Availability(False, "", "PyAV is not installed: run pip install 'aiwave[anchors]'")
        return super().availability()

    def version(self) -> str:
        """Version of PyAV, which bundles x265 and the decoder."""
        import av

        return f"x265 in PyAV {av.__version__}"

    def _packets(self, frames: np.ndarray, parameters: str) -> Iterator[bytes]:
        import av

        pixel = "gray" if frames.dtype.itemsize == 1 else "gray12le"
        encoder: Any = av.CodecContext.create("libx265", "w")
        encoder.height, encoder.width, encoder.pix_fmt = *frames.shape[1:], pixel
        encoder.time_base, encoder.framerate = Fraction(1, 25), 25
        encoder.options = {"preset": self.settings["preset"], "x265-params": parameters}
        for time, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format=pixel)
            frame.pts = time
            yield from (bytes(packet) for packet in encoder.encode(frame))
        yield from (bytes(packet) for packet in encoder.encode(None))


def _shortened(voxels: np.ndarray, bits: int) -> np.ndarray:
    """The highest 12 bits of `voxels`, rounded."""
    lost = bits - MOST_BITS
    if lost <= 0:
        return voxels
    most = 2**MOST_BITS - 1
    return ((voxels.astype(np.uint32) + (1 << (lost - 1))) >> lost).clip(0, most).astype(voxels.dtype)
