"""Results of an evaluation: every test volume measured at every quality, written to files, tracked and printed."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..bitstream.from_codec import model_file
from ..bitstream.model import Model
from ..datamodules.volume_datamodule import VolumeDataModule
from ..errors import AiwaveError
from ..models.codec import WaveletCodec
from ..report.bd_table import bd_entries, bd_numbers, known_peaks
from ..report.rd_plot import RD_FIGURE, plot_rd
from ..report.slices import SLICES, Slice, middle, save_slice
from ..report.tables import RD_TABLE, RdRow, format_table, read_rd_csv, write_rd_csv
from ..tracking.tracker import Tracker, tracked
from .details import DETAILS, Detail, detail, write_details
from .measure import Measured, measure_real, measure_volume

TILE = 128
"""Most voxels per side of the tiles in which volumes are measured, unless another number is given."""


def evaluate_codec(
    codec: WaveletCodec,
    data: VolumeDataModule,
    folder: Path,
    qualities: Sequence[float] | None = None,
    tile: int = TILE,
    similarity: bool = False,
    real: bool = False,
    optimise: bool = False,
) -> list[RdRow]:
    """Measure every test volume at every quality; write rd.csv, details.csv, rd.png and slices/ into `folder`.

    `data` has been set up; its `peak` is the PSNR peak. Qualities default to the codec's own ladder. Volumes are coded
    in tiles of at most `tile` voxels a side, on the device of the codec; with `real`, files are written and read back
    on the CPU, with `optimise` as in `compress`. With `similarity`, details.csv also has SSIM and MS-SSIM, which take
    longer than everything else.

    Raises:
        AiwaveError: If files are requested of a codec that cannot write them, if a volume cannot be read or has another
            bit depth, or if a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    measure: Callable[..., Measured] = partial(measure_volume, codec)
    if real:
        model = Model.from_bytes(model_file(codec, codec.name))
        measure = partial(measure_real, codec, model, optimise=optimise and not codec.lossless)
    rows: list[RdRow] = []
    details: list[Detail] = []
    for volume in tqdm(data.test_volumes(), desc="evaluating", unit=" volumes", disable=None):
        data.check_depth(volume.file, volume.voxels.dtype)
        slices = []
        for quality in qualities or codec.rate.qualities:
            measured = measure(volume, quality, data.known_peak, tile)
            rows.append(measured.row)
            details.append(detail(measured.row, volume.voxels, measured.decoded, data.known_peak, similarity))
            z = volume.voxels.shape[0] // 2
            slices.append(Slice(measured.row, volume.voxels[z].copy(), measured.decoded[z].copy()))
        save_slice(middle(slices), folder)
    if not rows:
        raise AiwaveError(f"{data.name} has no test volumes to evaluate.")
    write_rd_csv(rows, folder / RD_TABLE)
    write_details(details, folder / DETAILS)
    plot_rd(rows, folder / RD_FIGURE, data.known_peak)
    return rows


def check_anchors(table: str | None) -> None:
    """Raise AiwaveError if there is a table of anchors, and it cannot be read."""
    if table:
        try:
            read_rd_csv(Path(table))
        except AiwaveError as error:
            raise AiwaveError(
                f"anchor_table={table} names no table to compare with (give another, or anchor_table=null): {error}"
            ) from error


def track_results(
    tracker: Tracker,
    rows: Sequence[RdRow],
    folder: Path,
    group: str,
    name: str,
    tags: Sequence[str],
    record: dict[str, Any],
    anchors: Path | None = None,
) -> None:
    """Log results, with the figure and the slices in `folder`, as a separate run whose files also go to `folder`.

    `group`, `name`, `tags` and `record` are those of `Tracker.open`. Given an RD table of `anchors`, BD figures against
    each of them are logged as well. Raises AiwaveError if the tracker fails or the table cannot be read.
    """
    numbers = bd_against(rows, anchors) if anchors else {}
    pictures = {path.stem: path for path in sorted((folder / SLICES).glob("*.png"))}
    with tracked(tracker, folder, group, name, "evaluate", tags, record):
        tracker.log_rd(rows, folder / RD_FIGURE, pictures, numbers)


def bd_against(rows: Sequence[RdRow], anchors: Path) -> dict[str, float]:
    """BD figures of `rows` against every codec of an RD table, by name.

    Raises:
        AiwaveError: If the table cannot be read.
    """
    others = read_rd_csv(anchors)
    own = {row.codec for row in rows}
    entries = [
        entry
        for anchor in dict.fromkeys(row.codec for row in others if row.codec not in own)
        for entry in bd_entries([*rows, *others], anchor, known_peaks([*rows, *others], {}))
    ]
    return bd_numbers(entry for entry in entries if entry.codec in own)


def print_results(rows: Sequence[RdRow], folder: Path, location: str) -> None:
    """Print the table, then the locations of the figure, the table and the tracked run (if any)."""
    print(f"\n{format_table(rows)}\n")
    print(f"RD plot   {folder / RD_FIGURE}")
    print(f"RD table  {folder / RD_TABLE}")
    if location:
        print(f"tracked   {location}")
