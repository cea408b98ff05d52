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
from ..bd_table import Peaks, bd_entries, common_peak, volume_curves
from ..gather import Gathered
from ..metrics.curves import Estimate
from ..slices import Slice, pictures, png, some_slices
from ..stage_figures import RESPONSES
from ..summaries import lossless, speeds
from ..tables import mean_curves

LARGEST_FIGURE = 1 << 21  # bytes


def payload(
    gathered: Gathered, codecs: Sequence[str], anchor: str, peaks: Peaks, notes: Sequence[str]
) -> dict[str, Any]:
    """The page's data; data sets, codecs and anchors are given by their positions in `datasets` and `codecs`.

    A point is [quality, bpp, PSNR, encode s, decode s, volumes, largest error or null].
    """
    rows, now = gathered.rows, datetime.now()
    datasets = list(dict.fromkeys(row.dataset for row in rows))
    at_dataset, at_codec = ({name: number for number, name in enumerate(names)} for names in (datasets, codecs))
    curves: list[dict[str, Any]] = [
        {
            "d": at_dataset[dataset],
            "c": at_codec[codec],
            "points": [
                [p.quality, p.bpp, p.psnr_db, p.encode_s, p.decode_s, p.volumes, p.max_error]
                for p in points
                if math.isfinite(p.psnr_db)
            ],
        }
        for (dataset, codec), points in mean_curves(rows).items()
    ]
    volumes = [
        {"d": at_dataset[dataset], "c": at_codec[codec], "points": list(zip(curve.bpp, curve.psnr_db, strict=True))}
        for (dataset, _, codec), curve in volume_curves(rows).items()
        if curve.bpp
    ]
    comparisons = [
        [
            at_codec[entry.anchor],
            at_codec[entry.codec],
            at_dataset[entry.dataset],
            _estimate(entry.rate),
            _estimate(entry.psnr),
            entry.overlap,
            entry.reason,
        ]
        for other in dict.fromkeys([anchor, *(codecs[curve["c"]] for curve in curves if curve["points"])])
        for entry in bd_entries(rows, other, peaks)
    ]
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
            "curves": [curve for curve in curves if curve["points"]],
            "volumes": volumes,
            "bd": comparisons,
            "lossless": [[at_dataset[e.dataset], at_codec[e.codec], e.bpp, e.volumes] for e in lossless(rows)],
            "speed": [[at_dataset[e.dataset], at_codec[e.codec], e.encode_s, e.decode_s] for e in speeds(rows)],
            "slices": [_slice(one, at_dataset, at_codec) for one in some_slices(gathered.slices)],
            "runs": [
                {
                    "name": run.folder.name,
                    "folder": str(run.folder),
                    "facts": run.facts,
                    "config": run.config,
                    "responses": _responses(run.folder),
                }
                for run in gathered.runs
            ]
            + [
                {"name": "anchors", "folder": str(path.parent), "facts": [], "config": text, "responses": None}
                for path, text in gathered.settings.items()
            ],
            "notes": list(notes),
        }
    )


def _responses(run: Path) -> str | None:
    """The impulse responses that a run's last trained transform has, as a PNG in base64; None without a figure."""
    found = [path for path in run.glob(f"{STAGES}/*/{RESPONSES}") if path.stat().st_size < LARGEST_FIGURE]
    latest = max(found, key=lambda path: path.stat().st_mtime, default=None)
    return None if latest is None else base64.b64encode(latest.read_bytes()).decode("ascii")


def _estimate(estimate: Estimate | None) -> list[Any] | None:
    return None if estimate is None else [estimate.mean, estimate.count, *(estimate.interval or ())]


def _slice(one: Slice, at_dataset: dict[str, int], at_codec: dict[str, int]) -> dict[str, Any]:
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
