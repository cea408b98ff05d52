"""`aiwave info`: show the header and metadata of an .aiw file."""

import argparse
import json
from collections.abc import Sequence
from typing import Any

from tabulate import tabulate

from .arguments import parser, read_stream


def main(arguments: Sequence[str]) -> None:
    """Run the command with the arguments after its name. Raises AiwaveError for bad input."""
    args = arguments_of().parse_args(arguments)
    from ..bitstream.decoder import info

    found = info(read_stream(args.file))
    print(json.dumps(found) if args.json else _table(found))


def _table(found: dict[str, Any]) -> str:
    shape = " × ".join(str(size) for size in found["shape"])
    named = found["metadata"].get("model")
    called = f"{named} " if isinstance(named, str) else ""
    lines = {
        "volume": f"{shape} {found['dtype']}",
        "coding": _coding(found),
        "size": f"{found['bytes']} bytes, {found['bpp']:.4g} bit/voxel, 1:{found['ratio']:.3g}",
        "tiles": f"{found['tiles']} of at most {found['tile']} voxels a side, {found['levels']} levels",
        **{str(name): str(value) for name, value in found["metadata"].items()},
        "model": f"{called}{found['model'][:16]}… {'(in the file)' if found['model_bytes'] else '(not in the file)'}",
    }
    return tabulate(lines.items(), tablefmt="plain", disable_numparse=True)


def _coding(found: dict[str, Any]) -> str:
    """What the stream keeps of the volume, in words."""
    if not found["lossless"]:
        return f"step {found['step']:.4g}"
    error = found["metadata"].get("max_error")
    return "lossless" if error is None else f"within {error} of the original"


def arguments_of() -> argparse.ArgumentParser:
    """Argument parser of the command."""
    given = parser("info", "Show what an .aiw file holds.")
    given.add_argument("file", metavar="FILE", help="the .aiw file; - for standard input")
    given.add_argument("--json", action="store_true", help="as JSON")
    return given
