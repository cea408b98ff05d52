"""`aiwave runs`: list, show, compare and repeat runs, using only their folders."""

import argparse
import itertools
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import AiwaveError
from .arguments import parser

if TYPE_CHECKING:
    from ..report.tables import RdRow
    from ..runs.run_folder import RunFolder


def arguments_of() -> argparse.ArgumentParser:
    """Argument parser of the command."""
    top = parser("runs", "List, show, compare and repeat runs.")
    commands = top.add_subparsers(dest="command", required=True, metavar="list | show | diff | rerun")
    listing = commands.add_parser("list", help="all runs below a folder")
    listing.add_argument("folder", nargs="?", default="runs", type=Path)
    commands.add_parser("show", help="one run").add_argument("run", type=Path)
    difference = commands.add_parser("diff", help="differences between two runs")
    difference.add_argument("a", type=Path)
    difference.add_argument("b", type=Path)
    commands.add_parser("rerun", help="train a run again and compare its results").add_argument("run", type=Path)
    return top


def main(arguments: Sequence[str]) -> None:
    """Run the command with the arguments after its name. Raises AiwaveError for bad input."""
    given = arguments_of().parse_args(arguments)
    from ..report.run_listing import differences, format_runs, show_run
    from ..runs.run_folder import RunFolder, find_runs

    if given.command == "list":
        print(format_runs(find_runs(given.folder)))
    elif given.command == "show":
        print(show_run(RunFolder(given.run)))
    elif given.command == "diff":
        print("\n".join(differences(RunFolder(given.a), RunFolder(given.b))) or "They do not differ.")
    else:
        folder = rerun(RunFolder(given.run))
        print(f"\n{folder} gives the same results as {given.run}, to the last digit")


def rerun(run: "RunFolder") -> Path:
    """Train a run's recorded configuration again, in a sibling folder, with as many threads; compare the results.

    Returns the new folder if its rd.csv is the same except for the times.

    Raises:
        AiwaveError: If the run has no results, or the new ones differ; says by how much and what else changed.
    """
    import torch

    from ..report.run_listing import origin
    from ..runs.run_folder import RunFolder
    from ..training.run import train

    wanted = _results(run)
    threads = run.provenance().get("machine", {}).get("torch_threads")
    if threads:
        torch.set_num_threads(threads)
    cfg = run.read_config()
    cfg.again, cfg.resume, cfg.anchor_table = True, None, None
    again = RunFolder(_free(run.path))
    train(cfg, again.path, shlex.split(run.provenance()["command"])[2:])
    found = _results(again)
    if [_measured(row) for row in found] != [_measured(row) for row in wanted]:
        changed = "; ".join(origin(run, again)) or "nothing else that is recorded"
        raise AiwaveError(f"{again.path} differs from {run.path}: {_largest(wanted, found)}; what changed: {changed}.")
    return again.path


def _results(run: "RunFolder") -> "list[RdRow]":
    from ..report.tables import RD_TABLE, read_rd_csv

    path = run.path / RD_TABLE
    if not path.is_file():
        raise AiwaveError(
            f"{run.path} has no {RD_TABLE} to compare with: finish it with `aiwave train resume={run.path}`."
        )
    return read_rd_csv(path)


def _free(path: Path) -> Path:
    names = (path.with_name(f"{path.name}_again{number}") for number in itertools.count(1))
    return next(name for name in names if not name.exists())


def _measured(row: "RdRow") -> tuple[object, ...]:
    return row.dataset, row.file, row.codec, row.quality, row.bpp, row.psnr_db


def _largest(a: "list[RdRow]", b: "list[RdRow]") -> str:
    codecs = [", ".join(sorted({row.codec for row in rows})) for rows in (a, b)]
    if codecs[0] != codecs[1]:
        return f"its table is of {codecs[1]}, the other of {codecs[0]}"
    if [_measured(row)[:4] for row in a] != [_measured(row)[:4] for row in b]:
        return "its table has other files or qualities"
    bpp = max(abs(one.bpp - two.bpp) for one, two in zip(a, b, strict=True))
    psnr = max(abs(one.psnr_db - two.psnr_db) for one, two in zip(a, b, strict=True))
    return f"up to {bpp:.3g} bpp and {psnr:.3g} dB"
