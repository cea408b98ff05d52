"""`aiwave dashboard`: what fits the runs in a folder: TensorBoard, MLflow, W&B's own viewer, or our report."""

import argparse
import sys
import time
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import AiwaveError
from .arguments import parser

if TYPE_CHECKING:
    from ..runs.run_folder import RunFolder

REFRESH_S = 30.0

TENSORBOARD_PORT, MLFLOW_PORT = 6006, 5000

MLFLOW_PAGE = "#/experiments?workflowType=machine_learning"


def main(arguments: Sequence[str]) -> None:
    """Run the command with the arguments after its name. Raises AiwaveError for bad input."""
    given = arguments_of().parse_args(arguments)
    from ..runs.run_folder import find_runs
    from ..system import quieten
    from ..tracking.local_server import local_server

    quieten()
    folder: Path = given.folder
    runs = find_runs(folder)
    if not runs:
        raise AiwaveError(f"{folder} holds no runs: train one first, or give the folder that holds them.")
    reports = _SweepReports(folder)
    reports.refresh()
    for line in _of_wandb(runs):
        print(line)
    with ExitStack() as servers:
        addresses = []
        for name, command, port, place in _servers(folder, runs):
            print(f"{name:11} starting ...", flush=True)
            addresses.append(servers.enter_context(local_server(name, command, port)) + place)
            print(f"{name:11} {addresses[-1]}")
        addresses += _elsewhere(runs)
        page = None if addresses else _page(folder, runs)
        if given.browser and (addresses or page):
            webbrowser.open(addresses[0] if addresses else page.resolve().as_uri())  # type: ignore[union-attr]
        if addresses or reports.unfinished:
            print("Ctrl-C ends this.", flush=True)
        while addresses or reports.unfinished:
            time.sleep(REFRESH_S)
            reports.refresh()


def arguments_of() -> argparse.ArgumentParser:
    """The parser of the arguments."""
    given = parser("dashboard", "Open the dashboard that fits the runs in a folder, and refresh reports of sweeps.")
    given.add_argument("folder", nargs="?", default="runs", type=Path, metavar="FOLDER", help="default: runs")
    given.add_argument("--no-browser", dest="browser", action="store_false", help="print the address alone")
    return given


class _SweepReports:
    """The reports of the unfinished sweeps below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[Path, int] = {}
        self.unfinished: list[Path] = []

    def refresh(self) -> None:
        """Write the report of every sweep that has new results; print where, or why not."""
        from ..runs.run_folder import SWEEP
        from ..sweeps.summary import finished_runs, is_finished, write_report

        sweeps = sorted({self._folder, *(path.parent for path in self._folder.rglob(SWEEP))})
        self.unfinished = [sweep for sweep in sweeps if (sweep / SWEEP).is_file() and not is_finished(sweep)]
        for sweep in {*self.unfinished, *self._known}:
            runs = finished_runs(sweep)
            if len(runs) == self._known.get(sweep, 0):
                continue
            self._known[sweep] = len(runs)
            try:
                made = write_report(runs, sweep)
                print(f"report      {made.page}: {len(runs)} finished runs", flush=True)
            except AiwaveError as error:
                print(f"no report   {error}", file=sys.stderr)


def _servers(folder: Path, runs: "Sequence[RunFolder]") -> Iterator[tuple[str, list[str], int, str]]:
    """Name, command, port and page of the servers to start."""
    from ..tracking.local_server import HOST, free_port

    if any(folder.rglob("events.out.tfevents.*")):
        port = free_port(TENSORBOARD_PORT)
        command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder), "--host", HOST]
        yield "TensorBoard", [*command, "--port", str(port)], port, ""
    if (address := _mlflow(runs)) and not address.startswith("http"):
        port = free_port(MLFLOW_PORT)
        command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", address, "--host", HOST]
        yield "MLflow", [*command, "--port", str(port), "--workers", "1"], port, MLFLOW_PAGE


def _elsewhere(runs: "Sequence[RunFolder]") -> list[str]:
    """The address of a server that runs already."""
    address = _mlflow(runs)
    if not address.startswith("http"):
        return []
    print(f"{'MLflow':11} {address}")
    return [address]


def _mlflow(runs: "Sequence[RunFolder]") -> str:
    """MLflow's store of these runs; empty if they were not logged to it. Raises AiwaveError if nothing is there."""
    if not any("MlflowTracker" in run.config_path.read_text(encoding="utf-8", errors="replace") for run in runs):
        return ""
    from ..tracking.mlflow_tracker import mlflow_address

    address = mlflow_address()
    if address.startswith("sqlite:") and not Path(address.removeprefix("sqlite:///")).is_file():
        raise AiwaveError(
            f"MLflow's {address.removeprefix('sqlite:///')} does not exist: start this where the runs were trained, or "
            "set MLFLOW_TRACKING_URI."
        )
    return address


def _of_wandb(runs: "Sequence[RunFolder]") -> list[str]:
    """Directions to the newest run that Weights & Biases has."""
    from ..runs.session import CONSOLE

    lines = []
    if offline := [run for run in runs if any(run.path.glob("wandb/offline-run-*"))]:
        lines.append(f"W&B offline wandb leet {offline[-1].path / 'wandb'}  (wandb sync sends it to your account)")
    if online := [run for run in runs if any(run.path.glob("wandb/run-*"))]:
        lines.append(f"W&B         the address is in {online[-1].path / CONSOLE}, after `tracked`")
    return lines


def _page(folder: Path, runs: "Sequence[RunFolder]") -> Path | None:
    """The report of all results below the folder; None if there are none.

    Raises:
        AiwaveError: If there is nothing to look at yet, or a table is damaged.
    """
    from ..report.gather import gather
    from ..report.make_report import make_report
    from ..report.tables import RD_TABLE
    from ..sweeps.summary import REPORT

    out = folder / REPORT
    if any((run.path / RD_TABLE).is_file() for run in runs):
        made = make_report(gather([folder], out), None, out)
        print(f"report      {made.page}")
        return made.page
    if not any((run.path / "wandb").is_dir() for run in runs):
        raise AiwaveError(f"{folder} holds no results yet: `aiwave runs list {folder}` shows how far its runs are.")
    return None
