"""The interactive page: its data as JSON, and the HTML file."""

import base64
import json
import math
import re
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from ...runs.run_folder import STAGES
from ...writing import replacing
from ..bd_table import BdEntry, Peaks, bd_entries, common_peak, volume_curves
from ..gather import Gathered
from ..metrics.curves import Estimate
from ..slices import Slice, pictures, png, some_slices
from ..stage_figures import RESPONSES
from ..summaries import lossless, speeds
from ..tables import RdRow, mean_curves

LARGEST_FIGURE = 1 << 21  # bytes


At = dict[str, int]
"""Position of every name in a list of the page's data."""


def payload(
    gathered: Gathered, codecs: Sequence[str], anchor: str, peaks: Peaks, notes: Sequence[str]
) -> dict[str, Any]:
    """The page's data; data sets, codecs and anchors are given by their positions in `datasets` and `codecs`."""
    rows, now = gathered.rows, datetime.now()
    datasets = list(dict.fromkeys(row.dataset for row in rows))
    at_dataset, at_codec = ({name: number for number, name in enumerate(names)} for names in (datasets, codecs))
    curves = _curves(rows, at_dataset, at_codec)
    anchors = dict.fromkeys([anchor, *(codecs[curve["c"]] for curve in curves)])
    entries = [entry for other in anchors for entry in bd_entries(rows, other, peaks)]
    return _rounded(
        {
            "version": version("aiwave"),
            "created": f"{now.day} {now:%B %Y}",
            "anchor": at_codec[anchor],
            "datasets": [
                {
                    "name": name,
                    "peak": common_peak(peaks, name),
                    "volumes": len({row.file for row in rows if row.dataset == name}),
                }
                for name in datasets
            ],
            "codecs": [{"name": name, "learned": name in gathered.learned} for name in codecs],
            "curves": curves,
            "volumes": _volumes(rows, at_dataset, at_codec),
            "bd": [_comparison(entry, at_dataset, at_codec) for entry in entries],
            "lossless": [[at_dataset[e.dataset], at_codec[e.codec], e.bpp, e.volumes] for e in lossless(rows)],
            "speed": [[at_dataset[e.dataset], at_codec[e.codec], e.encode_s, e.decode_s] for e in speeds(rows)],
            "slices": [_slice(one, at_dataset, at_codec) for one in some_slices(gathered.slices)],
            "runs": _runs(gathered),
            "notes": list(notes),
        }
    )


def _curves(rows: Sequence[RdRow], at_dataset: At, at_codec: At) -> list[dict[str, Any]]:
    """The mean curves with a lossy point: [quality, bpp, PSNR, encode s, decode s, volumes, largest error or null]."""
    found = []
    for (dataset, codec), points in mean_curves(rows).items():
        lossy = [
            [p.quality, p.bpp, p.psnr_db, p.encode_s, p.decode_s, p.volumes, p.max_error]
            for p in points
            if math.isfinite(p.psnr_db)
        ]
        if lossy:
            found.append({"d": at_dataset[dataset], "c": at_codec[codec], "points": lossy})
    return found


def _volumes(rows: Sequence[RdRow], at_dataset: At, at_codec: At) -> list[dict[str, Any]]:
    """The curve of every volume with a lossy point: [bpp, PSNR]."""
    return [
        {"d": at_dataset[dataset], "c": at_codec[codec], "points": list(zip(curve.bpp, curve.psnr_db, strict=True))}
        for (dataset, _, codec), curve in volume_curves(rows).items()
        if curve.bpp
    ]


def _comparison(entry: BdEntry, at_dataset: At, at_codec: At) -> list[Any]:
    place = [at_codec[entry.anchor], at_codec[entry.codec], at_dataset[entry.dataset]]
    return [*place, _estimate(entry.rate), _estimate(entry.psnr), entry.overlap, entry.reason]


def _runs(gathered: Gathered) -> list[dict[str, Any]]:
    """The runs, then the settings of anchors, as if each were a run."""
    runs = [
        {
            "name": run.folder.name,
            "folder": str(run.folder),
            "facts": run.facts,
            "config": run.config,
            "responses": _responses(run.folder),
        }
        for run in gathered.runs
    ]
    anchors: list[dict[str, Any]] = [
        {"name": "anchors", "folder": str(path.parent), "facts": [], "config": text, "responses": None}
        for path, text in gathered.settings.items()
    ]
    return [*runs, *anchors]


def _responses(run: Path) -> str | None:
    """The impulse responses that a run's last trained transform has, as a PNG in base64; None without a figure."""
    found = [path for path in run.glob(f"{STAGES}/*/{RESPONSES}") if path.stat().st_size < LARGEST_FIGURE]
    latest = max(found, key=lambda path: path.stat().st_mtime, default=None)
    return None if latest is None else base64.b64encode(latest.read_bytes()).decode("ascii")


def _estimate(estimate: Estimate | None) -> list[Any] | None:
    return None if estimate is None else [estimate.mean, estimate.count, *(estimate.interval or ())]


def _slice(one: Slice, at_dataset: At, at_codec: At) -> dict[str, Any]:
    shown = pictures(one)
    height, width = shown[0].shape
    return {
        "d": at_dataset[one.row.dataset],
        "c": at_codec[one.row.codec],
        "file": one.row.file,
        "bpp": one.row.bpp,
        "psnr": one.row.psnr_db if math.isfinite(one.row.psnr_db) else None,
        "size": [width, height],
        "cropped": shown[0].shape != one.original.shape,
        "png": [base64.b64encode(png(picture)).decode("ascii") for picture in shown],
    }


def _rounded(value: Any) -> Any:
    """The same value with five significant digits, more than the accuracy of anything here."""
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    return value


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
    page = re.sub("|".join(map(re.escape, parts)), lambda found: parts[found[0]], page)  # at once: texts may hold marks
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
