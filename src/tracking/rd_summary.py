"""Rate-distortion results as named numbers."""

from collections.abc import Iterable

from ..report import RdRow, mean_curves


def rd_summary(rows: Iterable[RdRow]) -> dict[str, float]:
    """Return mean rate [bit/voxel] and PSNR [dB] as `rd/<dataset>/<codec>/<quality>/<bpp or psnr_db>`."""
    return {
        f"rd/{dataset}/{codec}/{point.quality:g}/{measure}": getattr(point, measure)
        for (dataset, codec), points in mean_curves(rows).items()
        for point in points
        for measure in ("bpp", "psnr_db")
    }
