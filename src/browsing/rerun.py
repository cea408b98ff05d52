"""Repetition of a run, to check that its results are reproduced."""

import itertools
import shlex
from pathlib import Path

from ..errors import AiwaveError
from ..report import RdRow, read_rd_csv
from ..training.run_folder import RunFolder
from .difference import origin


def rerun(run: RunFolder) -> Path:
    """Train a run's recorded configuration again, in a sibling folder, with as many threads; compare the results.

    Returns the new folder if its rd.csv is the same except for the times.

    Raises:
        AiwaveError: If the run has no results, or the new ones differ; says by how much and what else changed.
    """
    import torch

    from ..train import train

    wanted = _results(run)
    threads = run.provenance().get("machine", {}).get("torch_threads")
    if threads:
        torch.set_num_threads(threads)
    cfg = run.read_config()
    cfg.again, cfg.resume = True, None
    again = RunFolder(_free(run.path))
    train(cfg, again.path, shlex.split(run.provenance()["command"])[2:])
    found = _results(again)
    if [_measured(row) for row in found] != [_measured(row) for row in wanted]:
        changed = "; ".join(origin(run, again)) or "nothing else that is recorded"
        raise AiwaveError(f"{again.path} differs from {run.path}: {_largest(wanted, found)}; what changed: {changed}.")
    return again.path


def _results(run: RunFolder) -> list[RdRow]:
    path = run.path / "rd.csv"
    if not path.is_file():
        raise AiwaveError(f"{run.path} has no rd.csv to compare with: finish it with `aiwave train resume={run.path}`.")
    return read_rd_csv(path)


def _free(path: Path) -> Path:
    names = (path.with_name(f"{path.name}_again{number}") for number in itertools.count(1))
    return next(name for name in names if not name.exists())


def _measured(row: RdRow) -> tuple[object, ...]:
    return row.dataset, row.file, row.codec, row.quality, row.bpp, row.psnr_db


def _largest(a: list[RdRow], b: list[RdRow]) -> str:
    if [_measured(row)[:4] for row in a] != [_measured(row)[:4] for row in b]:
        return "its table has other files or qualities"
    bpp = max(abs(one.bpp - two.bpp) for one, two in zip(a, b, strict=True))
    psnr = max(abs(one.psnr_db - two.psnr_db) for one, two in zip(a, b, strict=True))
    return f"up to {bpp:.3g} bpp and {psnr:.3g} dB"
