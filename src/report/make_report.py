"""Report of a comparison: its tables, figures and page, in one folder."""

from dataclasses import dataclass
from pathlib import Path

from ..errors import AiwaveError
from ..writing import replacing
from .band_rates import bands_markdown
from .bd_table import BdEntry, Peaks, bd_entries, common_peak, known_peaks, mixed_peaks, volume_curves, write_bd_csv
from .gather import PAGE, Gathered
from .page.write_page import write_page
from .rd_plot import RD_FIGURE, plot_rd, print_rd
from .slices import draw_slice, file_name, some_slices
from .study import study_markdown
from .summaries import bd_markdown, lossless, lossless_markdown, speed_markdown, speeds
from .tables import RD_TABLE, write_rd_csv

TABLES, BD_TABLE = "tables.md", "bd.csv"

PREFERRED_ANCHOR = "jp3d"


@dataclass(frozen=True)
class Report:
    """The written report and its messages; `figures` and `slices` are PNG files."""

    folder: Path
    anchor: str
    entries: list[BdEntry]
    notes: list[str]
    figures: list[Path]
    slices: list[Path]

    @property
    def page(self) -> Path:
        """The interactive page."""
        return self.folder / PAGE


def make_report(gathered: Gathered, anchor: str | None, out: Path) -> Report:
    """Write rd.csv, bd.csv, tables.md, rd.png, an rd_NAME.png and .pdf per data set, slices/ and report.html to `out`.

    `anchor` is the codec that the others are compared with; by default jp3d, or else the first with a curve.

    Raises:
        AiwaveError: If no codec has the anchor's name, or a file cannot be written.
    """
    rows = gathered.rows
    codecs = in_order(gathered)
    chosen = choose_anchor(gathered, anchor)
    peaks = known_peaks(rows, gathered.stated_peaks)
    entries = bd_entries(rows, chosen, peaks)
    notes = [*mixed_peaks(peaks), *single_points(gathered), *gathered.notes]
    write_rd_csv(rows, out / RD_TABLE)
    write_bd_csv(entries, out / BD_TABLE)
    tables = [
        bd_markdown(entries, chosen),
        study_markdown(gathered.trials.effects(chosen)),
        bands_markdown(gathered.trials.bands(chosen)),
        lossless_markdown(lossless(rows)),
        speed_markdown(speeds(rows)),
    ]
    with replacing(out / TABLES) as temporary:
        temporary.write_text("\n\n".join(filter(None, tables)) + "\n", encoding="utf-8")
    figures = _figures(gathered, codecs, peaks, out)
    slices = [draw_slice(one, out) for one in some_slices(gathered.slices)]
    write_page(gathered, codecs, chosen, peaks, notes, out / PAGE)
    return Report(out, chosen, entries, notes, figures, slices)


def choose_anchor(gathered: Gathered, wished: str | None) -> str:
    """The codec `wished`, else jp3d, else the first with a curve that is not learned, else the first.

    Raises:
        AiwaveError: If no codec is named `wished`.
    """
    codecs = in_order(gathered)
    if wished is not None and wished not in codecs:
        raise AiwaveError(f"There is no codec {wished!r} to compare with: choose anchor= one of {', '.join(codecs)}.")
    curved = codecs_with_curves(gathered)
    traditional = [codec for codec in codecs if codec in curved and codec not in gathered.learned]
    return wished or (PREFERRED_ANCHOR if PREFERRED_ANCHOR in curved else [*traditional, *codecs][0])


def in_order(gathered: Gathered) -> list[str]:
    """All codecs: learned ones first, last those without a curve, which need no colour."""
    curved = codecs_with_curves(gathered)
    codecs = dict.fromkeys(row.codec for row in gathered.rows)
    return sorted(codecs, key=lambda codec: (codec not in curved, codec not in gathered.learned))


def codecs_with_curves(gathered: Gathered) -> set[str]:
    """The codecs with at least one lossy point."""
    return {codec for (_, _, codec), curve in volume_curves(gathered.rows).items() if curve.bpp}


def single_points(gathered: Gathered) -> list[str]:
    """One sentence for every (dataset, codec) whose volumes have one lossy point each."""
    most: dict[tuple[str, str], int] = {}
    for (dataset, _, codec), curve in volume_curves(gathered.rows).items():
        most[dataset, codec] = max(most.get((dataset, codec), 0), len(curve.bpp))
    return [
        f"{dataset}: {codec} has a single lossy point, which is not a curve: no BD figures; measure more qualities."
        for (dataset, codec), points in most.items()
        if points == 1
    ]


def _figures(gathered: Gathered, codecs: list[str], peaks: Peaks, out: Path) -> list[Path]:
    plot_rd(gathered.rows, out / RD_FIGURE, codecs=codecs)
    figures = []
    for dataset in dict.fromkeys(row.dataset for row in gathered.rows):
        rows = [row for row in gathered.rows if row.dataset == dataset]
        figures.append(out / f"rd_{file_name(dataset)}.png")
        print_rd(rows, figures[-1].with_suffix(""), common_peak(peaks, dataset), codecs)
    return figures
