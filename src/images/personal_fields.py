"""Fields of an original header that may identify a person, so that one can decide to strip it."""

import json
import re
import zlib
from collections.abc import Callable

from ..errors import AiwaveError
from . import dicom_original, tiff_original
from .image import Original

WORDS = re.compile(r"patient|subject|name|birth|date|time|institution|operator|physician|study|series|host|user|artist")
"""Words in the names of free text fields that often hold such data."""

TAGS = {269: "DocumentName", 270: "ImageDescription", 306: "DateTime", 315: "Artist", 316: "HostComputer"}
"""TIFF tags with free text, time or names (TIFF 6.0, sections 8 and 12)."""


def personal_fields(original: Original) -> list[str]:
    """Names of the fields of a header that are filled and may identify a person, an institution or a time.

    Raises AiwaveError if the header is damaged.
    """
    return FINDERS[original.format](original)


def _nifti(original: Original) -> list[str]:
    """Text fields, and extensions, which hold whatever a program puts there."""
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header
    from nibabel.wrapstruct import WrapStructError

    data = original.data
    kind = Nifti2Header if Nifti2Header.may_contain_header(data) else Nifti1Header
    try:
        header = kind(data[: kind.sizeof_hdr], check=False)
    except WrapStructError as error:
        raise AiwaveError("The file is damaged: its NIfTI header cannot be read.") from error
    names = ("descrip", "aux_file", "intent_name", *(("db_name",) if "db_name" in header else ()))
    found = [name for name in names if bytes(header[name].tobytes()).strip(b"\0 ")]
    return [*found, "extensions"] if len(data) > kind.sizeof_hdr + 4 else found


def _tiff(original: Original) -> list[str]:
    try:
        tags = json.loads(zlib.decompressobj().decompress(original.data, tiff_original.LIMIT))["first"]
    except (ValueError, LookupError, zlib.error) as error:
        raise AiwaveError("The file is damaged: its TIFF header cannot be read.") from error
    return [name for code, name in TAGS.items() if str(code) in tags]


def _text(original: Original) -> list[str]:
    """Keys of the lines `key: value` or `key = value` of a text header."""
    lines = original.data.decode("utf-8", "replace").splitlines()
    keys = [re.split(r":=?|=", line, maxsplit=1)[0].strip() for line in lines if re.search(r"[:=]", line)]
    return [key for key in keys if WORDS.search(key.lower())]


FINDERS: dict[str, Callable[[Original], list[str]]] = {
    "nifti": _nifti,
    "tiff": _tiff,
    "nrrd": _text,
    "metaimage": _text,
    "dicom": dicom_original.identifying,
}
