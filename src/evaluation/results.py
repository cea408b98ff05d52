"""Rate and distortion over a test set, as files, in the tracker and on the terminal."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..datamodules import VolumeDataModule
from ..errors import AiwaveError
from ..models import WaveletCodec
from ..report import RdRow, format_table, plot_rd, read_rd_csv, write_rd_csv
from ..tracking import Status, Tracker
from .measure import measure_volume

CSV, FIGURE = "rd.csv", "rd.png"


def evaluate_codec(
    codec: WaveletCodec,
    data: VolumeDataModule,
    folder: Path,
    qualities: Sequence[float] | None = None,
    tile: int = 128,
) -> list[RdRow]:
    """Measure every test volume at every quality, and write rd.csv and rd.png into `folder`.

    `data` has been set up; its `peak` is that of the PSNR. Qualities default to the codec's own ladder. Volumes are
    coded in tiles of at most `tile` voxels a side, on the device of the codec.

    Raises:
        AiwaveError: If a volume cannot be read, has another bit depth, or a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[RdRow] = []
    for volume in tqdm(data.test_volumes(), desc="evaluating", unit=" volumes"):
        data.check_depth(volume)
        for quality in qualities or codec.rate.qualities:
            rows.append(measure_volume(codec, volume, quality, data.known_peak, tile))
    if not rows:
        raise AiwaveError(f"{data.name} has no test volumes to evaluate.")
    write_rd_csv(rows, folder / CSV)
    plot_rd(rows, folder / FIGURE, data.known_peak)
    return rows


def track_results(
    tracker: Tracker,
    rows: Sequence[RdRow],
    folder: Path,
    group: str,
    name: str,
    tags: Sequence[str],
    record: dict[str, Any],
) -> None:
    """Log results, and the figure in `folder`, as a run of their own; its files go to `folder`, too.

    `group`, `name`, `tags` and `record` are those of `Tracker.open`. Raises AiwaveError if the tracker fails.
    """
    status: Status = "failed"
    try:
        tracker.open(folder, group, f"{group}-{name}", "evaluate", tags, record)
        tracker.log_rd(rows, folder / FIGURE)
        status = "ok"
    finally:
        tracker.close(status)


def join_results(folders: Sequence[Path]) -> None:
    """Put the tables of a sweep's jobs together, as rd.csv and rd.png beside their folders, and print them.

    Raises:
        AiwaveError: If a table is damaged or the sweep's cannot be written.
    """
    rows = [row for folder in folders if (folder / CSV).is_file() for row in read_rd_csv(folder / CSV)]
    if not rows:
        return
    sweep = folders[0].parent
    write_rd_csv(rows, sweep / CSV)
    plot_rd(rows, sweep / FIGURE)
    print(f"\nAll {len(folders)} jobs of the sweep")
    print_results(rows, sweep, "")


def print_results(rows: Sequence[RdRow], folder: Path, location: str) -> None:
    """Print the table, then where the figure, the table and the tracked run (if any) lie."""
    print(f"\n{format_table(rows)}\n")
    print(f"RD plot   {folder / FIGURE}")
    print(f"RD table  {folder / CSV}")
    if location:
        print(f"tracked   {location}")
