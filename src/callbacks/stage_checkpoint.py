"""Checkpoints of a stage, the average of its weights, and its end by SIGTERM."""

import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint, WeightAveraging
from torch import Tensor

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
        """Write the weights that the stage begins with as `best.ckpt`."""
        self.starting_loss = float(trainer.callback_metrics["val/loss"])
        self._save_topk_checkpoint(trainer, self._monitor_candidates(trainer))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write `best.ckpt`, if there is a new best, and then `last.ckpt`, which remembers it."""
        self.final_loss = float(trainer.callback_metrics["val/loss"])
        super().on_train_epoch_end(trainer, pl_module)
        trainer.save_checkpoint(Path(str(self.dirpath)) / LAST)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed stage remembers."""
        return {**super().state_dict(), "starting_loss": self.starting_loss, "final_loss": self.final_loss}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Remember the best, in the folder as it is called now: a run may have been moved since."""
        self.starting_loss, self.final_loss = state_dict.get("starting_loss"), state_dict.get("final_loss")
        best = str(Path(str(self.dirpath)) / BEST)
        score = state_dict["best_model_score"]
        known = {} if score is None else {"best_k_models": {best: score}, "kth_best_model_path": best}
        super().load_state_dict({**state_dict, "dirpath": self.dirpath, "best_model_path": best, **known})


class EndBySigterm(pl.Callback):
    """Treats SIGTERM like Ctrl-C: the run ends and can be resumed.

    Lightning's own handler ends a single process with an error of its own, and several wait for each other in the
    middle of a collective operation, and hang.
    """

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Replace the handler; Lightning restores the previous one when the fit ends."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.default_int_handler)


class WeightAverage(WeightAveraging):
    """Exponential moving average of the weights; validation and checkpoints see the average.

    After the n-th optimiser step the average moves by 1 - d of the way to the weights, d = min(decay, (n+1) / (n+10)),
    so that a short stage forgets its start. A checkpoint's `state_dict` is the average; the weights that training
    continues from are stored beside it as `current_model_state`, so a resumed run equals an uninterrupted one. Buffers
    are those of the model.
    """

    def __init__(self, decay: float) -> None:
        super().__init__(use_buffers=False, multi_avg_fn=self._move)
        self.decay = decay

    def setup(self, trainer: pl.Trainer, pl_module: Any, stage: str) -> None:
        """Begin with the weights as they are, on the device where they will be trained."""
        self._device = trainer.strategy.root_device
        super().setup(trainer, pl_module, stage)
        if self._average_model is not None:
            self._average_model.n_averaged.fill_(1)  # else the first step would replace the weights of the start

    def _move(self, averages: Sequence[Tensor], weights: Sequence[Tensor], step: Tensor) -> None:
        """Take in the `weights` after the `step`-th optimiser step, in place."""
        number = int(step)
        decay = min(self.decay, (1 + number) / (10 + number))
        for average, value in zip(averages, weights, strict=True):
            average.lerp_(value, 1 - decay)
