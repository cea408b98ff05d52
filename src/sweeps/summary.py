"""Outcome of a sweep: a list of its jobs and the joined results."""

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ..atomic import replacing
from ..evaluation.results import join_results
from ..launching.base import Job
from ..runs.run_folder import RunFolder
from ..runs.session import RunStatus, read_status
from .report import report_runs

COLUMNS = ("job", "state", "seconds", "overrides", "reason", "same_as")
SILENT = "its process ended without an error message; was it killed, or out of memory?"


def summarise(jobs: Sequence[Job], folder: Path) -> list[tuple[Job, str]]:
    """Write jobs.csv; join, report and print the results of the finished jobs; and print why the others failed.

    Returns:
        The failed jobs, with the reasons.

    Raises:
        AiwaveError: If a table is damaged or cannot be written.
    """
    states = [(job, outcome(job)) for job in jobs]
    with replacing(folder / "jobs.csv") as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(
            (job.number, s.state, s.seconds, " ".join(job.overrides), s.reason, s.same_as) for job, s in states
        )
    runs = [RunFolder(status.same_as or job.folder) for job, status in states if status.is_done]
    runs = [run for run in runs if run.config_path.is_file()]
    join_results([(run.path, run.read_config().name) for run in runs], folder)
    report_runs(runs, folder)
    counts = Counter(status.state for _, status in states)
    print(f"\nsweep     {folder}: {', '.join(f'{count} {state}' for state, count in counts.items())}")
    failed = [(job, status.reason) for job, status in states if status.state == "failed"]
    for job, reason in failed:
        print(f"failed    job {job.number} ({job.label}): {reason}")
    if counts["interrupted"] or failed:
        print(f"continue  aiwave train resume={folder}")
    return failed


def outcome(job: Job) -> RunStatus:
    """Outcome of a job; one without a recorded status has failed."""
    status = read_status(job.folder)
    if status is None or status.state == "running":
        return RunStatus("failed", SILENT)
    return status
