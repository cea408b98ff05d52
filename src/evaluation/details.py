"""Measures of decoded volumes beyond rate and PSNR, as a table beside that of the rates."""

import csv
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..report.metrics.similarity import ms_ssim, ssim
from ..report.metrics.volume_metrics import Mse, compression_ratio
from ..report.tables import RdRow
from ..writing import replacing

DETAILS = "details.csv"


@dataclass(frozen=True)
class Detail:
    """One coded volume; the fields are the columns of details.csv.

    Args:
        dataset, file, codec, quality: As in its row of rd.csv.
        peak: PSNR peak, in sample units.
        mse: Mean squared error, in squared sample units.
        compression_ratio: Bits of a stored sample (8 or 16) over bits per voxel; None for a rate of zero.
        ssim, ms_ssim: Structural similarity in three dimensions; None if not requested.
    """

    dataset: str
    file: str
    codec: str
    quality: float
    peak: float
    mse: float
    compression_ratio: float | None
    ssim: float | None = None
    ms_ssim: float | None = None


def detail(
    row: RdRow, original: np.ndarray[Any, Any], decoded: np.ndarray[Any, Any], peak: float, similarity: bool
) -> Detail:
    """Compare a decoded volume with its original, both (D, H, W) integers of one dtype; SSIM if `similarity`.

    Raises:
        AiwaveError: If `similarity` is requested for a volume with a side below 11 voxels.
    """
    pair = [torch.from_numpy(volume.astype(np.float64)) for volume in (decoded, original)]
    mse = Mse()
    mse.update(*pair)
    return Detail(
        row.dataset,
        row.file,
        row.codec,
        row.quality,
        peak,
        float(mse.compute()),
        compression_ratio(8 * original.itemsize, row.bpp),
        ssim(*pair) if similarity else None,
        ms_ssim(*pair) if similarity else None,
    )


def write_details(details: Sequence[Detail], path: Path) -> None:
    """Write details.csv atomically; None is left empty. Raises AiwaveError if the disk refuses."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(field.name for field in fields(Detail))
        writer.writerows(astuple(one) for one in details)
