"""Rate and distortion over a test set, as files and in the tracker."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..datamodules import VolumeDataModule
from ..errors import AiwaveError
from ..models import WaveletCodec
from ..report import RdRow, format_table, plot_rd, write_rd_csv
from ..tracking import Tracker
from .measure import measure_volume

CSV, FIGURE = "rd.csv", "rd.png"


def evaluate_codec(
    codec: WaveletCodec,
    data: VolumeDataModule,
    folder: Path,
    tracker: Tracker,
    group: str,
    record: dict[str, Any],
    qualities: Sequence[float] | None = None,
    tile: int = 128,
) -> list[RdRow]:
    """Measure every test volume at every quality; write rd.csv and rd.png into `folder`; log them to the tracker.

    `data` has been set up; its `peak` is that of the PSNR. Qualities default to the codec's own ladder. Volumes are
    coded in tiles of at most `tile` voxels a side. `group` and `record` name and describe the run to the tracker.

    Raises:
        AiwaveError: If a volume cannot be read or a file not written.
    """
    rows: list[RdRow] = []
    for volume in tqdm(data.test_volumes(), desc="evaluating", unit=" volumes"):
        for quality in qualities or codec.rate.qualities:
            rows.append(measure_volume(codec, volume, quality, data.known_peak, tile))
    if not rows:
        raise AiwaveError(f"{data.name}/{data.subset} has no test volumes to evaluate.")
    folder.mkdir(parents=True, exist_ok=True)
    write_rd_csv(rows, folder / CSV)
    plot_rd(rows, folder / FIGURE, data.known_peak)
    tracker.open(folder, group, f"{group}-evaluate", "evaluate", ["evaluate"], record)
    tracker.log_rd(rows, folder / FIGURE)
    tracker.close("ok")
    return rows


def print_results(rows: Sequence[RdRow], folder: Path, tracker: Tracker) -> None:
    """Print the table, then where the figure, the table and the tracked run lie."""
    print(f"\n{format_table(rows)}\n")
    print(f"RD plot   {folder / FIGURE}")
    print(f"RD table  {folder / CSV}")
    if tracker.location:
        print(f"tracked   {tracker.location}")
