"""Checkpoints of a stage: the last, and the best."""

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint

from ..runs.run_folder import BEST, LAST


class StageCheckpoint(ModelCheckpoint):
    """Keeps `last.ckpt` (of the last epoch, to resume from) and `best.ckpt` (lowest validation loss) of a stage.

    Both are written at the end of an epoch, where resuming repeats an uninterrupted run exactly. Lightning's own
    `save_last` would write the former only when there is a new best.

    If the trainer validates before the first epoch (`num_sanity_val_steps=-1`), the weights that the stage began with
    compete for the best. `starting_loss` and `final_loss` are the validation losses of these and of the last epoch;
    None before they are known.
    """

    def __init__(self) -> None:
        self.starting_loss: float | None = None
        self.final_loss: float | None = None
        super().__init__(
            filename=Path(BEST).stem,
            monitor="val/loss",
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )

    def setup(self, trainer: pl.Trainer, *args: Any, **kwargs: Any) -> None:
        """Use the trainer's root folder, which is that of the stage."""
        self.dirpath = str(Path(trainer.default_root_dir).resolve())
        super().setup(trainer, *args, **kwargs)

    @property
    def ended_worse(self) -> bool:
        """True if the validation loss is higher than that of the weights that the stage began with."""
        known = self.starting_loss is not None and self.final_loss is not None
        return known and not self.final_loss <= self.starting_loss  # type: ignore[operator]

    def on_sanity_check_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the weights that the stage begins with as `best.ckpt`; a resumed stage has begun already."""
        if self.starting_loss is not None:
            return
        self.starting_loss = float(trainer.callback_metrics["val/loss"])
        self._save_topk_checkpoint(trainer, self._monitor_candidates(trainer))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write `best.ckpt`, if there is a new best, and then `last.ckpt`, which remembers it."""
        self.final_loss = float(trainer.callback_metrics["val/loss"])
        super().on_train_epoch_end(trainer, pl_module)
        trainer.save_checkpoint(Path(str(self.dirpath)) / LAST)

    def state_dict(self) -> dict[str, Any]:
        """State that a resumed stage needs."""
        return {**super().state_dict(), "starting_loss": self.starting_loss, "final_loss": self.final_loss}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Remember the best, in the folder as it is called now: a run may have been moved since."""
        self.starting_loss, self.final_loss = state_dict.get("starting_loss"), state_dict.get("final_loss")
        best = str(Path(str(self.dirpath)) / BEST)
        score = state_dict["best_model_score"]
        known = {} if score is None else {"best_k_models": {best: score}, "kth_best_model_path": best}
        super().load_state_dict({**state_dict, "dirpath": self.dirpath, "best_model_path": best, **known})
