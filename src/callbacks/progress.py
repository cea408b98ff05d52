"""Progress of a stage: on the terminal, and as a table."""

import csv
import sys
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import TQDMProgressBar
from pytorch_lightning.callbacks.progress.tqdm_progress import Tqdm
from pytorch_lightning.utilities import rank_zero_only

from ..bounds import Count
from ..errors import AiwaveError
from ..runs.run_folder import METRICS
from ..writing import replacing

SHOWN = ("loss", "bpp", "psnr")


class Progress(TQDMProgressBar):
    """One bar per epoch with loss, bpp and PSNR; one line per epoch if the output is not a terminal.

    The bar is drawn anew after every `refresh_rate` batches.
    """

    def __init__(self, refresh_rate: Count = 1) -> None:
        super().__init__(refresh_rate=refresh_rate)

    def get_metrics(self, trainer: pl.Trainer, pl_module: Any) -> dict[str, Any]:
        """Metrics with short names, without the version number."""
        metrics = super().get_metrics(trainer, pl_module)
        return {
            name.split("/")[-1]: f"{value:.3f}" if isinstance(value, float) else value
            for name, value in metrics.items()
            if name != "v_num"
        }

    @property
    def is_disabled(self) -> bool:
        """True in a log, where every update of the bar would be a line."""
        return super().is_disabled or not sys.stderr.isatty()

    def on_train_epoch_start(self, trainer: pl.Trainer, *args: Any) -> None:
        """Show the stage's name and the epoch number."""
        super().on_train_epoch_start(trainer, *args)
        self.train_progress_bar.set_description(_where(trainer))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Print the metrics of the epoch, if the output is a log."""
        super().on_train_epoch_end(trainer, pl_module)
        if self.is_enabled and not sys.stderr.isatty():
            seen = {name.split("/")[-1]: value for name, value in trainer.progress_bar_metrics.items()}
            figures = [f"{name} {seen[name]:.3f}" for name in SHOWN if name in seen]
            if "val/loss" in trainer.callback_metrics:
                figures.append(f"validation loss {float(trainer.callback_metrics['val/loss']):.4f}")
            sys.stderr.write(f"{_where(trainer)}: {', '.join(figures)}\n")

    def on_exception(self, trainer: pl.Trainer, *args: Any) -> None:
        """Close the bar, so that the error starts on a new line."""
        if trainer.training:
            self.train_progress_bar.close()

    def on_sanity_check_end(self, *args: Any) -> None:
        """Print the loss of the weights that the stage begins with, if the output is a log."""
        super().on_sanity_check_end(*args)
        trainer = args[0]
        if self.is_enabled and not sys.stderr.isatty() and "val/loss" in trainer.callback_metrics:
            loss = float(trainer.callback_metrics["val/loss"])
            where = f"{trainer.lightning_module.stage} 0/{trainer.max_epochs}"
            sys.stderr.write(f"{where}: validation loss {loss:.4f}\n")

    def init_sanity_tqdm(self) -> Any:
        """Disabled bar, as that of validation."""
        return self.init_validation_tqdm()

    def init_validation_tqdm(self) -> Any:
        """Disabled bar: validation is too short for one."""
        return Tqdm(disable=True)


def _where(trainer: pl.Trainer) -> str:
    return f"{trainer.lightning_module.stage} {trainer.current_epoch + 1}/{trainer.max_epochs}"  # type: ignore[union-attr]


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
        try:
            with path.open(newline="", encoding="utf-8") as file:
                self._rows = [row for row in csv.DictReader(file) if int(row["step"]) <= trainer.global_step]
        except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
            raise AiwaveError(f"{path} is damaged: delete it and resume, which begins a new one.") from error

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
    return Path(trainer.default_root_dir) / METRICS
