"""Table of a stage's logged metrics, in its folder, independent of any tracker."""

import csv
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.utilities import rank_zero_only

from ..atomic import replacing

NAME = "metrics.csv"
COUNTERS = ("epoch", "step")

Row = dict[str, str]


class MetricsTable(pl.Callback):
    """Writes metrics.csv: a row per epoch with the validation metrics and the last logged training metrics.

    A resumed stage keeps the rows up to its checkpoint and appends to them.
    """

    def __init__(self) -> None:
        self._rows: list[Row] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Restore the rows of the epochs before the checkpoint."""
        path = _path(trainer)
        if not path.is_file():
            return
        with path.open(newline="", encoding="utf-8") as file:
            self._rows = [row for row in csv.DictReader(file) if int(row["step"]) <= trainer.global_step]

    @rank_zero_only
    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Add a row, before the checkpoint is written. Raises AiwaveError if the disk refuses."""
        logged = {name: f"{float(value):.7g}" for name, value in sorted(trainer.callback_metrics.items())}
        counted = {"epoch": str(trainer.current_epoch), "step": str(trainer.global_step)}
        self._rows.append(counted | logged)
        columns = dict.fromkeys([*COUNTERS, *(name for row in self._rows for name in row)])
        with replacing(_path(trainer)) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(columns), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._rows)


def _path(trainer: pl.Trainer) -> Path:
    return Path(trainer.default_root_dir) / NAME
