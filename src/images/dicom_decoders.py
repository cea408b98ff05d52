"""Decoding of compressed DICOM pixels by imagecodecs, as a plugin of pydicom."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import Decoder, DecodeRunner

LABEL = "aiwave"
END, TAIL = b"\xff\xd9", 64  # marker that ends a compressed frame, and bytes in which it is: padding may follow
JPEG = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51")
JPEG_LOSSLESS = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
JPEG_2000 = ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91")
HTJ2K = ("1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203")
DECODER_DEPENDENCIES = dict.fromkeys((*JPEG, *JPEG_LOSSLESS, *JPEG_LS, *JPEG_2000, *HTJ2K), ("imagecodecs",))
"""Packages by transfer syntax, as pydicom asks of a plugin."""


def is_available(uid: str) -> bool:
    """True if frames of the transfer syntax `uid` can be decoded here; asked by pydicom."""
    return uid in DECODER_DEPENDENCIES


def decode(source: bytes, runner: "DecodeRunner") -> bytes:
    """Decode one frame to little-endian values, row by row, and tell `runner` how wide they are; called by pydicom."""
    import imagecodecs

    uid = str(runner.transfer_syntax)
    decoders: dict[str, Any] = {
        **dict.fromkeys(JPEG, imagecodecs.jpeg8_decode),
        **dict.fromkeys(JPEG_LOSSLESS, imagecodecs.jpegsof3_decode),
        **dict.fromkeys(JPEG_LS, imagecodecs.jpegls_decode),
        **dict.fromkeys(JPEG_2000, imagecodecs.jpeg2k_decode),
        **dict.fromkeys(HTJ2K, imagecodecs.htj2k_decode),
    }
    if uid in (*JPEG, *HTJ2K) and END not in source[-TAIL:]:  # their decoders fill up what is missing
        raise ValueError("a compressed frame is cut off")
    frame = np.asarray(decoders[uid](source))
    if frame.shape != (runner.rows, runner.columns):
        expected = [runner.rows, runner.columns]
        raise ValueError(f"its compressed frames have the shape {list(frame.shape)} instead of {expected}")
    runner.set_option("bits_allocated", 8 * frame.dtype.itemsize)
    return frame.astype(frame.dtype.newbyteorder("<"), copy=False).tobytes()


def decoder_of(uid: str) -> "tuple[Decoder, str]":
    """pydicom's decoder of a transfer syntax, and the name of the plugin to use, "" for pydicom's own.

    A plugin is named because those of other packages, if installed, may decode lossy frames to other values. Raises
    NotImplementedError for a transfer syntax that pydicom does not know.
    """
    from pydicom.pixels.decoders.base import get_decoder

    decoder = get_decoder(uid)
    if not is_available(uid):
        return decoder, "pydicom" if decoder.is_encapsulated else ""
    if LABEL not in decoder.available_plugins:
        decoder.add_plugin(LABEL, (__name__, "decode"))
    return decoder, LABEL
