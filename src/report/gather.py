"""Collection of the results of any runs, sweeps and anchors in one table."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import AiwaveError
from ..runs.recorded_run import RecordedRun, read_run
from ..runs.run_folder import CONFIG
from .codec_names import MeasuredTable, result, tell_apart
from .slices import Slice, read_slices
from .study import Trials
from .tables import RD_TABLE, RdRow, read_rd_csv

FAILED, SETTINGS = "failed.csv", "anchors.json"
"""Names of the files that `aiwave anchors` writes beside the RD table."""

PAGE = "report.html"
"""Name of a report's page: a folder with this file is a report, not a source."""


@dataclass(frozen=True)
class Gathered:
    """The data of a report.

    Args:
        rows: All points; those of learned codecs first.
        learned: The codecs that come from runs.
        stated_peaks: PSNR peak of the rows whose run recorded one.
        runs: The runs, sorted by folder.
        slices: Middle slices before and after coding.
        settings: Settings of the anchors, as text, by the path of their file.
        notes: Failed measurements, one sentence per folder.
        trials: The runs' curves by experiment and seed.
    """

    rows: list[RdRow]
    learned: frozenset[str]
    stated_peaks: dict[RdRow, float]
    runs: list[RecordedRun]
    slices: list[Slice]
    settings: dict[Path, str]
    notes: list[str]
    trials: Trials


def gather(places: Sequence[Path], out: Path) -> Gathered:
    """Read every rd.csv below the folders `places`; a place may also be a table itself.

    Each point is kept once: a sweep's table repeats those of its jobs. Codecs of the same name from different runs are
    distinguished by the runs' names or folders, `NAME (FOLDER)`. The report's own folder `out`, and others that hold a
    report, are skipped.

    Raises:
        AiwaveError: If a place does not exist or holds no table, or a table is damaged, empty or contradicts itself.
    """
    tables = dict.fromkeys((table, place.resolve()) for place in places for table in _tables(place, out))
    runs: dict[Path, RecordedRun] = {}
    sources = [_source(table, place, runs) for table, place in tables]
    sources.sort(key=lambda source: (source.run is None, len(source.folder.parts), source.folder))
    folders = list(dict.fromkeys(source.folder for source in sources))
    _drop_repeated(sources)
    sources = tell_apart([source for source in sources if source.rows])
    rows = [row for source in sources for row in source.rows]
    curves = {(row.dataset, row.codec) for row in rows}
    return Gathered(
        rows=rows,
        learned=frozenset(row.codec for source in sources if source.run for row in source.rows),
        stated_peaks={
            row: source.run.peak for source in sources if source.run and source.run.peak for row in source.rows
        },
        runs=sorted(runs.values(), key=lambda run: run.folder),
        slices=[one for source in sources for one in source.slices if (one.row.dataset, one.row.codec) in curves],
        settings={path: _text(path) for folder in folders if (path := folder / SETTINGS).is_file()},
        notes=[_failures(path) for folder in folders if (path := folder / FAILED).is_file()],
        trials=Trials(sources),
    )


def _failures(path: Path) -> str:
    try:
        failed = list(csv.DictReader(_text(path).splitlines(keepends=True)))
        codecs = ", ".join(dict.fromkeys(record["codec"] for record in failed))
        return f"{len(failed)} points of {codecs} could not be measured, the first because: {failed[0]['reason']}"
    except (csv.Error, KeyError, IndexError, TypeError) as error:
        raise AiwaveError(f"{path} is damaged: delete it.") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AiwaveError(f"{path} cannot be read as text.") from error


def _tables(place: Path, out: Path) -> list[Path]:
    if place.is_file():
        return [place.resolve()]
    if not place.is_dir():
        raise AiwaveError(f"{place} does not exist: give folders of runs, sweeps or anchors, or an RD table.")
    found = [
        table.resolve()
        for table in sorted(place.rglob(RD_TABLE))
        if table.parent.resolve() != out.resolve() and not (table.parent / PAGE).exists()
    ]
    if not found:
        raise AiwaveError(f"{place} holds no {RD_TABLE}: give folders of runs, sweeps or anchors.")
    return found


def _source(table: Path, place: Path, runs: dict[Path, RecordedRun]) -> MeasuredTable:
    rows = read_rd_csv(table)
    if not rows:
        raise AiwaveError(f"{table} has no rows: remove it or measure again.")
    within = [folder for folder in table.parents if folder == table.parent or folder.is_relative_to(place)]
    folder = next((folder for folder in within if (folder / CONFIG).is_file()), None)
    if folder is not None and folder not in runs:
        runs[folder] = read_run(folder)
    return MeasuredTable(table, rows, runs[folder] if folder else None, read_slices(table.parent))


def _drop_repeated(sources: Sequence[MeasuredTable]) -> None:
    """Keep every point in the first source that has it. Raises AiwaveError if a table contradicts itself."""
    seen: set[tuple[object, ...]] = set()
    for source in sources:
        fresh: dict[tuple[object, ...], RdRow] = {}
        for row in source.rows:
            if result(row) not in seen:
                fresh.setdefault(result(row), row)
        settings = [(row.dataset, row.file, row.codec, row.quality) for row in fresh.values()]
        if len(set(settings)) < len(settings):
            dataset, file, codec, quality = next(s for s in settings if settings.count(s) > 1)
            raise AiwaveError(
                f"{source.table} has different results of {codec} at quality {quality:g} for {file} of {dataset}: "
                "give the folders that they came from instead."
            )
        source.rows = list(fresh.values())
        seen |= fresh.keys()
