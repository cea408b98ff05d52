"""The summary of a conversion: bytes, errors and speed, per level."""

import json
import math
from dataclasses import dataclass
from typing import Any

from .errors_seen import ErrorsSeen
from .job import Job
from .shards import JoinShard


@dataclass(frozen=True)
class LevelSummary:
    """Summary of a converted level; `seconds` are CPU seconds over all its pieces of work."""

    path: str
    shape: tuple[int, ...]
    method: str
    voxels: int
    before: int
    after: int
    seconds: float
    errors: ErrorsSeen
    psnr: float

    def as_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold; no PSNR is that of an exact copy, or of nothing measured."""
        return {
            "path": self.path,
            "method": self.method,
            "bytes_before": self.before,
            "bytes_after": self.after,
            "seconds": round(self.seconds, 3),
            "voxels": self.voxels,
            "measured_voxels": self.errors.voxels,
            "psnr_db": self.psnr if math.isfinite(self.psnr) else None,
            "max_error": self.errors.largest,
        }


def summary_of(job: Job) -> list[LevelSummary]:
    """Summaries of all levels, from the journal."""
    found = []
    for number, level in enumerate(job.levels):
        records = [json.loads(JoinShard(job, number, shard).record.read_bytes()) for shard in level.shards()]
        seen = sum((ErrorsSeen.of(one["errors"]) for one in records), ErrorsSeen())
        before, after = level.voxels * job.source.dtype.itemsize, sum(one["bytes"] for one in records)
        seconds = sum(one["seconds"] for one in records)
        psnr = seen.psnr(job.source.dtype)
        found.append(
            LevelSummary(level.path, level.shape, level.method, level.voxels, before, after, seconds, seen, psnr)
        )
    return found


def table_of(rows: list[dict[str, Any]], shapes: list[tuple[int, ...]]) -> str:
    """A summary as a table for people."""
    from tabulate import tabulate

    lines = []
    for row, shape in zip(rows, shapes, strict=True):
        share = 100 * row["measured_voxels"] / row["voxels"]
        psnr = "-" if row["psnr_db"] is None else f"{row['psnr_db']:.2f} dB"
        lines.append(
            {
                "level": row["path"],
                "shape": "×".join(map(str, shape)),
                "made by": row["method"] or "source",
                "bytes before": row["bytes_before"],
                "after": row["bytes_after"],
                "ratio": f"{row['bytes_before'] / max(1, row['bytes_after']):.2f}",
                "PSNR": "exact" if row["max_error"] == 0 else psnr,
                "max error": f"{row['max_error']:g}",
                "measured": f"{share:.0f} %",
                "CPU": f"{row['seconds']:.1f} s",
                "voxel/s/CPU": f"{row['voxels'] / max(row['seconds'], 1e-9):.3g}",
            }
        )
    return tabulate(lines, headers="keys", tablefmt="plain", disable_numparse=True)
