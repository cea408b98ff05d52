"""Names of codecs, made distinct where several runs or tables use the same one."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from ..runs.recorded_run import RecordedRun
from ..runs.run_folder import STAGES
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


Group = list[MeasuredTable]
"""The tables of one curve."""


def result(row: RdRow) -> tuple[object, ...]:
    """Key of a point: everything but the times and the run's name that a sweep's table adds."""
    codec = row.codec.rpartition(": ")[2]
    return (row.dataset, row.file, codec, row.quality, row.bpp, row.psnr_db)


def tell_apart(sources: Sequence[MeasuredTable]) -> list[MeasuredTable]:
    """Rename codecs to `NAME (RUN)` where several curves of one name share a volume; RUN is the run's name or folder.

    The tables of one stage of a run form one curve, and so do those of runs that differ in lambda alone, and those of
    no run, unless they give two results for the same setting. All curves of the codec are renamed, so that the results
    of a run never carry the name of another.
    """
    renamed = [replace(source, rows=list(source.rows), slices=list(source.slices)) for source in sources]
    for codec in dict.fromkeys(row.codec for source in sources for row in source.rows):
        tables = [[source] for source in renamed if any(row.codec == codec for row in source.rows)]
        groups = _joined(_joined(tables, codec, _owner), codec, _recipe)
        if any(_differ(codec, a, b) for a, b in combinations(groups, 2)):
            _rename(codec, groups)
    return renamed


def _joined(groups: Sequence[Group], codec: str, key: Callable[[MeasuredTable], Hashable]) -> list[Group]:
    """Join the groups of equal keys that do not give two results for the same setting."""
    joined: list[Group] = []
    for group in groups:
        alike = (other for other in joined if key(other[0]) == key(group[0]))
        found = next((other for other in alike if not _settings(codec, other) & _settings(codec, group)), None)
        joined.append(list(group)) if found is None else found.extend(group)
    return joined


def _owner(source: MeasuredTable) -> Hashable:
    return (source.run.folder, _stage(source)) if source.run else source.table


def _recipe(source: MeasuredTable) -> Hashable:
    return (source.run.recipe, _stage(source)) if source.run else None


def _stage(source: MeasuredTable) -> str:
    """The stage that a table in a run's folder was measured after; empty for the last."""
    parts = source.folder.relative_to(source.run.folder).parts if source.run else ()
    return parts[1] if parts[:1] == (STAGES,) and len(parts) > 1 else ""


def _settings(codec: str, group: Group) -> set[tuple[str, str, float]]:
    return {(row.dataset, row.file, row.quality) for source in group for row in source.rows if row.codec == codec}


def _differ(codec: str, a: Group, b: Group) -> bool:
    """True if two curves need different names: they coded a common volume, or are of two stages of one run."""
    volumes = [{setting[:2] for setting in _settings(codec, group)} for group in (a, b)]
    runs = [group[0].run.folder if group[0].run else None for group in (a, b)]
    return bool(volumes[0] & volumes[1]) or (runs[0] is not None and runs[0] == runs[1])


def _rename(codec: str, groups: Sequence[Group]) -> None:
    names = [group[0].run.name if group[0].run else "" for group in groups]
    pairs = combinations(zip(names, groups, strict=True), 2)
    clash = not all(names) or any(name == other and _differ(codec, a, b) for (name, a), (other, b) in pairs)
    labels = _labels([group[0].folder for group in groups]) if clash else names
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
