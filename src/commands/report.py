"""`aiwave report`: compare runs, sweeps and anchors in tables, figures and one interactive page."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from ..config.composing import quoted
from ..errors import AiwaveError
from .hydra_app import run_application

if TYPE_CHECKING:
    from ..config.node import Node
    from ..report.gather import Gathered
    from ..report.make_report import Report
    from ..tracking.tracker import Tracker

ANCHOR = "anchor="

KEY = re.compile(r"[+~]*[\w.@/]+=|-")


def main(arguments: Sequence[str]) -> None:
    """Run the command with the arguments after its name. Raises AiwaveError for bad input."""
    run_application("report", report, _schema, overrides(arguments))


def overrides(arguments: Sequence[str]) -> list[str]:
    """The same arguments, with the folders among them (anything that is no key=value or exists) as one folders=[...].

    anchor=CODEC becomes against='CODEC': to Hydra, `anchor` is the group of codecs that can be measured, while those
    in a report may have any name.

    Raises:
        AiwaveError: If there is no folder among them.
    """
    folders = [given for given in arguments if not KEY.match(given) or Path(given).exists()]
    keys = [
        f"against={quoted(given.removeprefix(ANCHOR))}" if given.startswith(ANCHOR) else given
        for given in arguments
        if given not in folders
    ]
    if folders:
        return [*keys, f"folders=[{','.join(map(quoted, folders))}]"]
    if not any(given.startswith(("-", "folders=")) for given in keys):
        raise AiwaveError("aiwave report needs folders of runs, sweeps or anchors: give aiwave report FOLDER...")
    return keys


def report(cfg: DictConfig, output: Path | None, given: Sequence[str]) -> None:
    """Write the report of `cfg.folders` to `cfg.out`, track it, and print the comparison and the paths of its files.

    Raises:
        AiwaveError: If a folder holds no results, a table is damaged, or the anchor does not exist.
    """
    from ..config.building import build
    from ..config.command_schemas import ReportConfig
    from ..config.training_schema import Logger
    from ..config.validation import validate
    from ..report.gather import gather
    from ..report.make_report import BD_TABLE, TABLES, make_report
    from ..report.summaries import bd_markdown
    from ..report.tables import RD_TABLE
    from ..system import quieten

    quieten()
    validate(cfg, ReportConfig)
    out = Path(cfg.out)
    gathered = gather([Path(folder) for folder in cfg.folders], out)
    made = make_report(gathered, cfg.against, out)
    tracker = build(cfg.logger, Logger, "logger")
    _track(tracker, gathered, made)
    print(f"\n{bd_markdown(made.entries, made.anchor)}\n")
    for note in made.notes:
        print(f"note    {note}")
    print(f"page    {made.page}")
    print(f"tables  {out / TABLES}, {out / BD_TABLE}, {out / RD_TABLE}")
    print(f"figures {out / 'rd_*.png'} and .pdf, one per data set")
    if tracker.location:
        print(f"tracked {tracker.location}")


def _track(tracker: "Tracker", gathered: "Gathered", made: "Report") -> None:
    from ..report.bd_table import bd_numbers
    from ..report.rd_plot import RD_FIGURE
    from ..tracking.tracker import tracked

    config = {"anchor": made.anchor, "runs": [str(run.folder) for run in gathered.runs]}
    with tracked(tracker, made.folder, "report", f"report-{made.folder.resolve().name}", "report", ["report"], config):
        pictures = {path.stem: path for path in (*made.figures, *made.slices)}
        tracker.log_rd(gathered.rows, made.folder / RD_FIGURE, pictures, bd_numbers(made.entries))


def _schema() -> "type[Node]":
    from ..config.command_schemas import ReportConfig

    return ReportConfig
