"""The progress bar."""

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import TQDMProgressBar


class Progress(TQDMProgressBar):
    """One bar per epoch with loss, bpp and PSNR."""

    def get_metrics(self, trainer: pl.Trainer, pl_module: Any) -> dict[str, Any]:
        """Short names, no version number."""
        metrics = super().get_metrics(trainer, pl_module)
        return {
            name.split("/")[-1]: f"{value:.3f}" if isinstance(value, float) else value
            for name, value in metrics.items()
            if name != "v_num"
        }

    def on_train_epoch_start(self, trainer: pl.Trainer, *args: Any) -> None:
        """Name the stage and count its epochs."""
        super().on_train_epoch_start(trainer, *args)
        stage = trainer.lightning_module.stage
        self.train_progress_bar.set_description(f"{stage} {trainer.current_epoch + 1}/{trainer.max_epochs}")

    def on_exception(self, trainer: pl.Trainer, *args: Any) -> None:
        """Leave the bar as it stands, so that the error begins a line of its own."""
        if trainer.training:
            self.train_progress_bar.close()

    def init_validation_tqdm(self) -> Any:
        """No second bar: validation is short."""
        bar = super().init_validation_tqdm()
        bar.disable = True
        return bar
