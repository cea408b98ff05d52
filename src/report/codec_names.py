"""Names of codecs, made distinct where several runs or tables use the same one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..runs.recorded_run import RecordedRun
from .slices import Slice
from .tables import RdRow


@dataclass
class MeasuredTable:
    """One RD table, the run that it belongs to (None for anchors) and the slices beside it."""

    table: Path
    rows: list[RdRow]
    run: RecordedRun | None
    slices: list[Slice]

    @property
    def folder(self) -> Path:
        """Folder of the table."""
        return self.table.parent


def result(row: RdRow) -> tuple[object, ...]:
    """Key of a point: everything but the times and the run's name that a sweep's table adds."""
    codec = row.codec.rpartition(": ")[2]
    return (row.dataset, row.file, codec, row.quality, row.bpp, row.psnr_db)


def tell_apart(sources: Sequence[MeasuredTable]) -> list[MeasuredTable]:
    """Rename codecs to `NAME (RUN)` where sources of that name do not form one curve; RUN is the run's name or folder.

    They form one if they coded different volumes, or if they are tables of the same run, of runs that differ in
    lambda alone, or of no run, and never give two results for the same setting.
    """
    renamed = [replace(source, rows=list(source.rows), slices=list(source.slices)) for source in sources]
    for codec in dict.fromkeys(row.codec for source in sources for row in source.rows):
        groups: list[list[MeasuredTable]] = []
        for source in renamed:
            if any(row.codec == codec for row in source.rows):
                group = next((g for g in groups if all(_one_curve(codec, source, other) for other in g)), None)
                groups.append([source]) if group is None else group.append(source)
        if len(groups) > 1:
            _rename(codec, groups)
    return renamed


def _one_curve(codec: str, a: MeasuredTable, b: MeasuredTable) -> bool:
    rows = [[row for row in source.rows if row.codec == codec] for source in (a, b)]
    volumes = [{(row.dataset, row.file) for row in part} for part in rows]
    if not volumes[0] & volumes[1]:
        return True
    recipes = [source.run.recipe if source.run else "" for source in (a, b)]
    settings = [{(row.dataset, row.file, row.quality) for row in part} for part in rows]
    return recipes[0] == recipes[1] and not settings[0] & settings[1]


def _rename(codec: str, groups: Sequence[Sequence[MeasuredTable]]) -> None:
    names = [group[0].run.name if group[0].run else "" for group in groups]
    labels = names if all(names) and len(set(names)) == len(names) else _labels([group[0].folder for group in groups])
    for group, label in zip(groups, labels, strict=True):
        for source in group:
            name = f"{codec} ({label})"
            source.rows = [replace(row, codec=name) if row.codec == codec else row for row in source.rows]
            source.slices = [
                replace(one, row=replace(one.row, codec=name)) if one.row.codec == codec else one
                for one in source.slices
            ]


def _labels(folders: Sequence[Path]) -> list[str]:
    """The shortest trailing parts of each folder that distinguish all of them; their numbers if none do."""
    for count in range(1, max(len(folder.parts) for folder in folders) + 1):
        labels = ["/".join(folder.parts[-count:]) for folder in folders]
        if len(set(labels)) == len(labels):
            return labels
    return [str(number) for number, _ in enumerate(folders, start=1)]
