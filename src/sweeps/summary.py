"""Summary of a sweep: a table of its jobs, their results joined, and a report."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import AiwaveError
from ..evaluation.results import print_results
from ..report.gather import gather
from ..report.make_report import Report, make_report
from ..report.rd_plot import RD_FIGURE, plot_rd
from ..report.summaries import bd_markdown
from ..report.tables import RD_TABLE, read_rd_csv, write_rd_csv
from ..runs.run_folder import RunFolder
from ..runs.session import DONE, RunStatus, read_status
from ..writing import replacing
from .launchers.launcher import SweepJob

REPORT, JOBS = "report", "jobs.csv"


def report_runs(runs: Sequence[RunFolder], sweep: Path) -> None:
    """Write the report of finished `runs` to `report/` in the folder `sweep`, and print its BD table and its path.

    Other codecs come from the table that the runs name as `anchor_table`. If the report fails, the reason is printed
    and nothing raised: the runs and their tables are complete without it.
    """
    measured = [run for run in runs if (run.path / RD_TABLE).is_file()]
    if not measured:
        return
    try:
        made = write_report(measured, sweep)
    except AiwaveError as error:
        print(f"no report {error}")
        return
    print(f"\n{bd_markdown(made.entries, made.anchor)}\n")
    for note in made.notes:
        print(f"note      {note}")
    print(f"report    {made.page}")


def write_report(measured: Sequence[RunFolder], sweep: Path) -> Report:
    """Write the report of runs with results to `report/` in the folder `sweep`, with the `anchor_table`s they name.

    Raises:
        AiwaveError: If a table is damaged, or a file cannot be written.
    """
    out = sweep / REPORT
    anchors = {run.read_config().get("anchor_table") for run in measured} - {None}
    return make_report(gather([*(run.path for run in measured), *map(Path, sorted(anchors))], out), None, out)


def finished_runs(sweep: Path) -> list[RunFolder]:
    """The runs of a sweep's jobs that have results, in the order of the jobs; jobs may be at work meanwhile."""
    jobs = sorted((path for path in sweep.iterdir() if path.name.isdecimal()), key=lambda path: int(path.name))
    runs = [RunFolder((read_status(job) or RunStatus("running")).same_as or job) for job in jobs]
    return [run for run in runs if run.config_path.is_file() and (run.path / RD_TABLE).is_file()]


def is_finished(sweep: Path) -> bool:
    """True if a sweep's last summary names no job that failed or was interrupted."""
    try:
        with (sweep / JOBS).open(newline="", encoding="utf-8") as file:
            states = [row.get("state") for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error):
        return False
    return bool(states) and all(state in DONE for state in states)


COLUMNS = ("job", "state", "seconds", "overrides", "reason", "same_as")

SILENT = "its process ended without an error message; was it killed, or out of memory?"

NOT_BEGUN = "not begun"


def summarise(jobs: Sequence[SweepJob], folder: Path, stopped: bool = False) -> list[tuple[SweepJob, str]]:
    """Write jobs.csv; join, report and print the results of the finished jobs; and print why the others failed.

    Those of a `stopped` sweep that have left no trace have not begun.

    Returns:
        The failed jobs, with the reasons.

    Raises:
        AiwaveError: If a table is damaged or cannot be written.
    """
    begun = [job for job in jobs if not stopped or job.folder.exists()]
    states = [(job, outcome(job)) for job in begun]
    waiting = [job for job in jobs if job not in begun]
    with replacing(folder / JOBS) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(
            (job.number, s.state, s.seconds, " ".join(job.overrides), s.reason, s.same_as) for job, s in states
        )
        writer.writerows((job.number, NOT_BEGUN, 0.0, " ".join(job.overrides), "", "") for job in waiting)
    runs = [RunFolder(status.same_as or job.folder) for job, status in states if status.is_done]
    runs = [run for run in runs if run.config_path.is_file()]
    _join_results([(run.path, run.read_config().name) for run in runs], folder)
    report_runs(runs, folder)
    counts = Counter([*(status.state for _, status in states), *(NOT_BEGUN for _ in waiting)])
    print(f"\nsweep     {folder}: {', '.join(f'{count} {state}' for state, count in counts.items())}")
    failed = [(job, status.reason) for job, status in states if status.state == "failed"]
    for job, reason in failed:
        print(f"failed    job {job.number} ({job.label}): {reason}")
    if counts["interrupted"] or waiting or failed:
        print(f"continue  aiwave train resume={folder}")
    return failed


def _join_results(runs: Sequence[tuple[Path, str]], sweep: Path) -> None:
    """Join the tables of a sweep's jobs as rd.csv and rd.png in the folder `sweep`, and print them.

    `runs` are the folders of the finished jobs and the names of their runs. If the names differ, as in ablations, they
    are prefixed to the names of the codecs.

    Raises:
        AiwaveError: If a table is damaged, or the sweep's cannot be written.
    """
    tell_apart = len({name for _, name in runs}) > 1
    rows = [
        replace(row, codec=f"{name}: {row.codec}") if tell_apart else row
        for folder, name in runs
        if (folder / RD_TABLE).is_file()
        for row in read_rd_csv(folder / RD_TABLE)
    ]
    if not rows:
        return
    write_rd_csv(rows, sweep / RD_TABLE)
    plot_rd(rows, sweep / RD_FIGURE)
    print(f"\nThe {len(runs)} finished jobs of the sweep")
    print_results(rows, sweep, "")


def outcome(job: SweepJob) -> RunStatus:
    """Outcome of a job; one without a recorded status has failed."""
    status = read_status(job.folder)
    if status is None or status.state == "running":
        return RunStatus("failed", SILENT)
    return status
