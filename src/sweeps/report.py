"""Report of a sweep: curves, BD figures and slices on one page."""

from collections.abc import Sequence
from pathlib import Path

from ..errors import AiwaveError
from ..report.gather import gather
from ..report.make import make_report
from ..report.markdown import bd_markdown
from ..runs.run_folder import RunFolder

FOLDER = "report"


def report_runs(runs: Sequence[RunFolder], sweep: Path) -> None:
    """Write the report of finished `runs` to `report/` in the folder `sweep`, and print its BD table and its path.

    Other codecs come from the table that the runs name as `anchor_table`. If the report fails, the reason is printed
    and nothing raised: the runs and their tables are complete without it.
    """
    measured = [run for run in runs if (run.path / "rd.csv").is_file()]
    if not measured:
        return
    out = sweep / FOLDER
    anchors = {run.read_config().get("anchor_table") for run in measured} - {None}
    try:
        made = make_report(gather([*(run.path for run in measured), *map(Path, sorted(anchors))], out), None, out)
    except AiwaveError as error:
        print(f"no report {error}")
        return
    print(f"\n{bd_markdown(made.entries, made.anchor)}\n")
    for note in made.notes:
        print(f"note      {note}")
    print(f"report    {out / 'report.html'}")
