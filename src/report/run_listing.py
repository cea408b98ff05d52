"""Listings of runs on the terminal: all below a folder, one in detail, the difference between two."""

from collections.abc import Iterator, Sequence
from typing import Any

from omegaconf import OmegaConf
from tabulate import tabulate

from ..config.plan import about, plan
from ..errors import printable
from ..runs.run_folder import DONE_MARK, LAST, RunFolder
from ..runs.session import is_held, read_status
from .tables import RD_TABLE, format_table, mean_curves, read_rd_csv

COLUMNS = ("run", "state", "name", "dataset", "transform", "entropy", "rate", "stages")


def format_runs(runs: Sequence[RunFolder]) -> str:
    """A plain-text table of `runs`; an unreadable one shows the reason in place of its columns."""
    rows = [tuple(map(printable, _row(run))) for run in runs]
    return tabulate(rows, COLUMNS, tablefmt="plain", disable_numparse=True)


def state_of(run: RunFolder) -> str:
    """State of a run; "running" only while a process is at work on it."""
    status = read_status(run.path)
    if status is None:
        return "unfinished"
    return "interrupted" if status.state == "running" and not is_held(run.path) else status.state


def _row(run: RunFolder) -> tuple[str, ...]:
    try:
        cfg = run.read_config()
        stages = plan(cfg)
        words = (cfg.name, *about(cfg).values())
    except Exception as error:  # whatever is wrong with one run, the others are still listed
        return str(run.path), f"unreadable: {str(error).splitlines()[0]}"
    done = sum(run.is_finished(stage.name) for stage in stages)
    return str(run.path), state_of(run), *words, f"{done}/{len(stages)}"


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
    table = run.path / RD_TABLE
    return "\n".join(map(printable, lines)) + (f"\n\n{format_table(read_rd_csv(table))}" if table.is_file() else "")


def _stage(run: RunFolder, name: str, epochs: int) -> str:
    mark = run.stage(name) / DONE_MARK
    if not mark.is_file():
        return f"stage     {name}: {'begun' if (run.stage(name) / LAST).is_file() else 'not begun'}"
    facts = run.facts(name)
    loss = facts["validation_loss"]
    reached = "" if loss is None else f", validation loss {loss:.4f}"
    return f"stage     {name}: {epochs} epochs in {facts['seconds_since_start_or_resume']:g} s{reached}"


LABELS = ("run_dir", "runs_dir", "again", "resume", "launcher", "also")

FACTS = ("git", "packages", "machine", "data", "aiwave")


def differences(a: RunFolder, b: RunFolder) -> list[str]:
    """Lines `key: in a -> in b` for configuration, origin and mean results. Raises AiwaveError if one is not a run."""
    one, two = (dict(_flat(OmegaConf.to_container(run.read_config()))) for run in (a, b))
    lines = [*_changed("", one, two, LABELS), *origin(a, b)]
    first, second = (_means(run) for run in (a, b))
    return [*lines, *_changed("result ", first, second, ())]


def origin(a: RunFolder, b: RunFolder) -> list[str]:
    """Lines for differences in code, packages, machine and data. Raises AiwaveError for damaged folders."""
    one, two = ({key: run.provenance().get(key) for key in FACTS} for run in (a, b))
    return list(_changed("", dict(_flat(one)), dict(_flat(two)), ()))


def _changed(label: str, a: dict[str, Any], b: dict[str, Any], ignored: tuple[str, ...]) -> Iterator[str]:
    for key in dict.fromkeys([*a, *b]):
        one, two = a.get(key, "absent"), b.get(key, "absent")
        if one != two and key.split(".")[0] not in ignored:
            yield printable(f"{label}{key}: {one} -> {two}")


def _flat(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with its dotted key."""
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from _flat(value, f"{path}.{key}".lstrip("."))
    else:
        yield path, node


def _means(run: RunFolder) -> dict[str, str]:
    if not (run.path / RD_TABLE).is_file():
        return {}
    return {
        f"{dataset} {codec} {point.quality:g}": f"{point.bpp:.4f} bpp, {point.psnr_db:.3f} dB"
        for (dataset, codec), points in mean_curves(read_rd_csv(run.path / RD_TABLE)).items()
        for point in points
    }
