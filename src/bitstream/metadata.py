"""Metadata of a stream: a JSON object, and the header of the file that was compressed."""

import json
import zlib
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import AiwaveError
from .header import DAMAGED

SECTION_LIMIT = 1 << 24
"""Most bytes of the section."""

LIMIT = 1 << 26
"""Most bytes of metadata and original header, inflated."""

JSON_LIMIT = 1 << 20
"""Most bytes of JSON, which takes many times as much memory."""

_DICTIONARY_FIELDS = {
    0: "5c010000", 38: "0072", 40: "03004000400040000100010001000100", 70: "040010000000803f0000803f0000803f0000803f",
    90: "0000803f0000803f0000803f0000803f0000b0430000803f", 123: "0a", 252: "0100010000000000803f", 280: "0000803f",
    300: "0000803f", 320: "0000803f", 344: "6e2b31",
}  # fmt: skip

_DICTIONARY_TEXT = (
    '{"model":"mri_lossless","slope":1,"intercept":-1024,"period":2,"channels":true,"max_error":1,"spacing":[1,1,1],'
    '"origin":[0,0,0],"direction":[1,0,0,0,1,0,0,0,1],"direction":[1,0,0,0,-1,0,0,0,1],"original":"nifti"}'
)


def dictionary() -> bytes:
    """The preset dictionary (RFC 1950, 2.2) of deflated metadata: a NIfTI header of 352 bytes, a zero, and JSON."""
    header = bytearray(352)
    for at, value in _DICTIONARY_FIELDS.items():
        header[at : at + len(value) // 2] = bytes.fromhex(value)
    return bytes(header) + b"\0" + _DICTIONARY_TEXT.encode()


@dataclass(frozen=True)
class Metadata:
    """`entries` must be representable in JSON; `original` is the header of the file that was compressed, if it is kept.

    With an original header, or where that is shorter, the section is deflated (`packed`): JSON, a zero byte, and the
    original.
    """

    entries: dict[str, Any] = field(default_factory=dict)
    original: bytes = b""

    def without(self, key: str) -> "Metadata":
        """The same without an entry."""
        return replace(self, entries={name: value for name, value in self.entries.items() if name != key})

    @property
    def packed(self) -> bool:
        """True if the section is deflated."""
        return bool(self.original) or len(self._deflated()) < len(self._json())

    def to_bytes(self) -> bytes:
        """The section, empty if there is no metadata.

        Raises AiwaveError for entries that JSON cannot hold, and for more than fits.
        """
        section = self._deflated() if self.packed else self._json()
        size = len(self._json()) + len(self.original)
        if size > LIMIT or len(section) > SECTION_LIMIT:
            raise AiwaveError(
                f"The metadata and the original header take {size} bytes ({len(section)} deflated): at most {LIMIT} "
                f"({SECTION_LIMIT}) can be stored, so strip the header."
            )
        return section

    def _deflated(self) -> bytes:
        engine = zlib.compressobj(9, wbits=-zlib.MAX_WBITS, zdict=dictionary())
        return engine.compress(self._json() + (b"\0" + self.original if self.original else b"")) + engine.flush()

    def _json(self) -> bytes:
        if not self.entries:
            return b""
        try:
            text = json.dumps(self.entries, separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise AiwaveError(f"The metadata cannot be stored as JSON: {error}.") from error
        if len(text) > JSON_LIMIT:
            raise AiwaveError(f"The metadata takes {len(text)} bytes: at most {JSON_LIMIT} can be stored.")
        return text

    @classmethod
    def from_bytes(cls, data: bytes, packed: bool) -> "Metadata":
        """The inverse of `to_bytes`. Raises AiwaveError for anything else."""
        text, original = _inflated(data) if packed else (data, b"")
        if len(text) > JSON_LIMIT:
            raise AiwaveError(DAMAGED.format("its metadata is too long"))
        try:
            entries = json.loads(text) if text else {}
            json.dumps(entries, ensure_ascii=False).encode()  # refuses halves of characters, which cannot be printed
        except (ValueError, RecursionError) as error:
            raise AiwaveError(DAMAGED.format("its metadata cannot be read")) from error
        if not isinstance(entries, dict):
            raise AiwaveError(DAMAGED.format("its metadata is not an object"))
        return cls(entries, original)


def _inflated(data: bytes) -> tuple[bytes, bytes]:
    """JSON and original header of a deflated section. Raises AiwaveError if it is damaged or longer than `LIMIT`."""
    engine = zlib.decompressobj(-zlib.MAX_WBITS, zdict=dictionary())
    try:
        raw = engine.decompress(data, LIMIT + 1)
    except zlib.error as error:
        raise AiwaveError(DAMAGED.format("its metadata cannot be inflated")) from error
    if not engine.eof or engine.unused_data or len(raw) > LIMIT:
        raise AiwaveError(DAMAGED.format("its metadata is cut short or too long"))
    text, _, original = raw.partition(b"\0")
    return text, original
