"""Assembly of the page from its template, data, style and script."""

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from ...system import replacing
from ..gather import Gathered
from ..peaks import Peaks
from .payload import payload

SCRIPTS = ("core.js", "filters.js", "curves.js", "tables.js", "speed.js", "slices.js", "main.js")


def write_page(
    gathered: Gathered, codecs: Sequence[str], anchor: str, peaks: Peaks, notes: Sequence[str], path: Path
) -> None:
    """Write the page to `path` atomically; `codecs` are in the order of their colours, `anchor` is selected initially.

    Raises:
        AiwaveError: If the file cannot be written.
    """
    folder = files(__package__)
    data = json.dumps(payload(gathered, codecs, anchor, peaks, notes), separators=(",", ":"), allow_nan=False)
    parts = {
        "/*STYLE*/": (folder / "page.css").read_text(encoding="utf-8"),
        "/*DATA*/": data.replace("<", "\\u003c"),
        "/*SCRIPT*/": "\n".join((folder / name).read_text(encoding="utf-8") for name in SCRIPTS),
    }
    page = (folder / "template.html").read_text(encoding="utf-8")
    for mark, text in parts.items():
        page = page.replace(mark, text, 1)
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
