"""Rate-distortion curves as Weights & Biases charts, which its page draws and filters."""

import math
from collections.abc import Iterable
from typing import Any

from ..report import RdRow, mean_curves


def rd_charts(rows: Iterable[RdRow]) -> dict[str, Any]:
    """One line chart per data set, `rd/chart/<dataset>`: mean PSNR [dB] against rate [bit/voxel], a line per codec."""
    import wandb

    points: dict[str, list[list[Any]]] = {}
    for (dataset, codec), curve in mean_curves(rows).items():
        lossy = [[codec, point.bpp, point.psnr_db] for point in curve if math.isfinite(point.psnr_db)]
        points.setdefault(dataset, []).extend(lossy)
    return {
        f"rd/chart/{dataset}": wandb.plot.line(
            wandb.Table(columns=["codec", "bpp", "psnr_db"], data=found),
            x="bpp",
            y="psnr_db",
            stroke="codec",
            title=f"{dataset}: PSNR [dB] over bits per voxel",
            split_table=True,
        )
        for dataset, found in points.items()
        if found
    }
