"""`aiwave info`: show the header and metadata of an .aiw file."""

import argparse
import json
from collections.abc import Sequence
from typing import Any

from tabulate import tabulate

from ..errors import printable
from ..images.image import FORMATS
from .arguments import parser, read_stream


def main(arguments: Sequence[str]) -> None:
    """Run the command with the arguments after its name. Raises AiwaveError for bad input."""
    args = arguments_of().parse_args(arguments)
    from ..bitstream.container import open_stream
    from ..bitstream.decoder import info
    from ..images.image_metadata import original_of
    from ..images.personal_fields import personal_fields

    data = read_stream(args.file)
    found, stream = info(data), open_stream(data)
    original = original_of(stream.metadata, stream.original)
    found["personal_fields"] = [] if original is None else personal_fields(original)
    print(json.dumps(found) if args.json else _table(found))


SHOWN = 200
"""Characters of an entry of the metadata."""

WAYS = {
    "model": "by the model",
    "voxels": "by the model",
    "constant": "constant",
    "jpeg_xl": "in JPEG XL",
    "lzma": "in LZMA",
    "repeated": "repeated",
}
"""Readable names of the ways in which tiles are coded."""


def _table(found: dict[str, Any]) -> str:
    shape = " × ".join(str(size) for size in found["shape"])
    named = found["metadata"].get("model")
    called = f"{printable(named, SHOWN)} " if isinstance(named, str) else ""
    lines = {
        "volume": f"{shape} {found['dtype']}",
        "coding": _coding(found),
        "size": f"{found['bytes']} bytes, {found['bpp']:.4g} bit/voxel, 1:{found['ratio']:.3g}",
        **({"order": f"{found['first_axis']} first"} if found["first_axis"] != "z" else {}),
        "tiles": f"{found['tiles']} of at most {found['tile']} voxels a side, {found['levels']} levels",
        **{printable(name, SHOWN): printable(str(value), SHOWN) for name, value in found["metadata"].items()},
        "model": "none: no tile needs one",
    }
    if found["model"] is not None:
        place = "(in the file)" if found["model_bytes"] else "(not in the file)"
        lines["model"] = f"{called}{found['model'][:16]}… {place}"
    by = ", ".join(f"{count} {WAYS[way]}" for way, count in found["tiles_by"].items() if count)
    lines["coded"] = f"tiles: {by}"
    if found["masked"]:
        values = ", ".join(f"{value:g}" for value in found["padding"])
        lines["exact"] = f"padding of {values}" if values else "NaN and infinity"
    if found["original_bytes"]:
        lines["original"] = f"{FORMATS[found['metadata']['original']]} header, {found['original_bytes']} bytes"
    if found["personal_fields"]:
        lines["personal"] = (
            f"may identify a person: {printable(', '.join(found['personal_fields']))} (compress --strip omits them)"
        )
    return tabulate(lines.items(), tablefmt="plain", disable_numparse=True)


def _coding(found: dict[str, Any]) -> str:
    """The quality of the stream, in words."""
    error = found["metadata"].get("max_error")
    if error is not None and (found["lossless"] or found["corrected"]):
        return printable(f"within {error} of the original", SHOWN)
    return "lossless" if found["lossless"] else f"step {found['step']:.4g}"


def arguments_of() -> argparse.ArgumentParser:
    """Argument parser of the command."""
    given = parser("info", "Show what an .aiw file holds.")
    given.add_argument("file", metavar="FILE", help="the .aiw file; - for standard input")
    given.add_argument("--json", action="store_true", help="as JSON")
    return given
