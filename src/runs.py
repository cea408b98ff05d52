"""`aiwave runs`: list, show, compare and repeat runs, using only their folders."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from .errors import AiwaveError


class _Parser(argparse.ArgumentParser):
    """Argument parser that raises AiwaveError instead of exiting."""

    def error(self, message: str) -> NoReturn:
        raise AiwaveError(f"{self.prog}: {message}; `aiwave runs --help` shows its usage.")


def parser() -> argparse.ArgumentParser:
    """Command line of `aiwave runs`."""
    top = _Parser(prog="aiwave runs", description="List, show, compare and repeat runs.")
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
    given = parser().parse_args(list(arguments))
    from .browsing import differences, find_runs, format_runs, rerun, show_run
    from .training.run_folder import RunFolder

    if given.command == "list":
        print(format_runs(find_runs(given.folder)))
    elif given.command == "show":
        print(show_run(RunFolder(given.run)))
    elif given.command == "diff":
        print("\n".join(differences(RunFolder(given.a), RunFolder(given.b))) or "They do not differ.")
    else:
        folder = rerun(RunFolder(given.run))
        print(f"\n{folder} gives the same results as {given.run}, to the last digit")
