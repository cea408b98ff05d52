"""Summary of one run for the terminal."""

import json
from pathlib import Path

from ..report import format_table, read_rd_csv
from ..training.build import plan
from ..training.run_folder import RunFolder
from ..training.status import read_status
from .listing import state_of


def show_run(run: RunFolder) -> str:
    """Summary of a run: configuration, origin, progress and results. Raises AiwaveError if it is not a run."""
    cfg, origin, status = run.read_config(), run.provenance(), read_status(run.path)
    git, machine, data = origin.get("git", {}), origin.get("machine", {}), origin.get("data", {})
    changes = " and changes" if git.get("dirty") else ""
    lines = [
        f"run       {run.path}",
        f"state     {state_of(run)}{f' ({status.reason})' if status and status.reason else ''}",
        f"command   {origin.get('command', '')}",
        f"sources   aiwave {origin.get('aiwave', '')} {git.get('commit', '')}{changes}",
        f"machine   {machine.get('processor', '')}, {machine.get('torch_threads')} threads",
        f"data      {cfg.dataset.name}/{cfg.dataset.subset} {data.get('sha256', '')[:16]}",
        *(_stage(run, stage.name, stage.epochs) for stage in plan(cfg)),
    ]
    table = run.path / "rd.csv"
    return "\n".join(lines) + (f"\n\n{format_table(read_rd_csv(table))}" if table.is_file() else "")


def _stage(run: RunFolder, name: str, epochs: int) -> str:
    mark = run.stage(name) / "done.json"
    if not mark.is_file():
        return f"stage     {name}: {'begun' if Path(run.stage(name) / 'last.ckpt').is_file() else 'not begun'}"
    facts = json.loads(mark.read_text(encoding="utf-8"))
    loss = facts.get("validation_loss")
    reached = "" if loss is None else f", validation loss {loss:.4f}"
    return f"stage     {name}: {epochs} epochs in {facts.get('seconds_since_start_or_resume', 0):g} s{reached}"
