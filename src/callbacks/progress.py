"""Training progress: a bar on a terminal, a line per epoch in a log."""

import sys
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import TQDMProgressBar
from pytorch_lightning.callbacks.progress.tqdm_progress import Tqdm

SHOWN = ("loss", "bpp", "psnr")


class Progress(TQDMProgressBar):
    """One bar per epoch with loss, bpp and PSNR; one line per epoch if the output is not a terminal."""

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

    def init_validation_tqdm(self) -> Any:
        """Disabled bar: validation is too short for one."""
        return Tqdm(disable=True)


def _where(trainer: pl.Trainer) -> str:
    return f"{trainer.lightning_module.stage} {trainer.current_epoch + 1}/{trainer.max_epochs}"  # type: ignore[union-attr]
