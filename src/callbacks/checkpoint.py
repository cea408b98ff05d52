"""Checkpoints of one stage."""

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint


class StageCheckpoint(ModelCheckpoint):
    """Keeps `last.ckpt` (to resume from) and `best.ckpt` (lowest validation loss) in the stage's folder.

    Both are written at the end of an epoch, where resuming repeats an uninterrupted run exactly.
    """

    def __init__(self) -> None:
        super().__init__(
            filename="best",
            monitor="val/loss",
            save_last=True,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )

    def setup(self, trainer: pl.Trainer, *args: Any, **kwargs: Any) -> None:
        """Use the trainer's root folder, which is that of the stage."""
        self.dirpath = str(Path(trainer.default_root_dir).resolve())
        super().setup(trainer, *args, **kwargs)
