"""Decoding of compressed DICOM pixels by imagecodecs, as a plugin of pydicom."""

import struct
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
CODESTREAM = b"\xff\x4f\xff\x51"
"""The first two markers of a JPEG 2000 codestream, SOC and SIZ."""
FRAME_HEADERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
"""Second bytes of the markers of JPEG and JPEG-LS that a size follows."""
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
    expected = (runner.rows, runner.columns)
    shape = declared_size(source, uid) or expected
    if shape == expected:  # otherwise the decoder would take as much memory as the frame declares
        frame = np.asarray(decoders[uid](source))
        shape = frame.shape
    if shape != expected:
        raise ValueError(f"its compressed frames have the shape {list(shape)} instead of {list(expected)}")
    runner.set_option("bits_allocated", 8 * frame.dtype.itemsize)
    return frame.astype(frame.dtype.newbyteorder("<"), copy=False).tobytes()


def declared_size(source: bytes, uid: str) -> tuple[int, ...] | None:
    """Rows and columns that a compressed frame declares itself, None if they are not found where they should be."""
    if uid in (*JPEG_2000, *HTJ2K):
        at = source.find(CODESTREAM)
        if not 0 <= at <= len(source) - 24:
            return None
        right, lower, left, upper = struct.unpack_from(">4I", source, at + 8)
        return lower - upper, right - left
    at = 2
    while at + 9 <= len(source) and source[at] == 0xFF:
        if source[at + 1] in FRAME_HEADERS:
            rows, columns = struct.unpack_from(">2H", source, at + 5)
            return rows, columns
        at += 1 if source[at + 1] == 0xFF else 2 + int.from_bytes(source[at + 2 : at + 4], "big")
    return None


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
