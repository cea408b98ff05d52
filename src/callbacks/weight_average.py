"""Exponential moving average of the weights."""

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

LIVE = "live_weights"


class WeightAverage(pl.Callback):
    """Exponential moving average of the weights; validation and checkpoints see the average.

    After the n-th optimiser step the average moves by 1 - d of the way to the weights, d = min(decay, (n+1) / (n+10)),
    so that a short stage forgets its start. A checkpoint's `state_dict` is the average; the weights that training
    continues from are stored beside it, so a resumed run equals an uninterrupted one. Buffers that are not
    floating-point are copied from the model.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self._average: dict[str, Tensor] = {}
        self._steps = 0

    def on_fit_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Start the average at the current weights, unless resumed."""
        if not self._average:
            self._average = _copy(pl_module)

    @torch.no_grad()
    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *args: Any) -> None:
        """Update the average, if this batch completed an optimiser step."""
        if trainer.global_step == self._steps:
            return
        self._steps = trainer.global_step
        decay = min(self.decay, (1 + self._steps) / (10 + self._steps))
        for name, value in pl_module.state_dict().items():
            own = self._average[name]
            if value.is_floating_point():
                own.lerp_(value, 1 - decay)
            else:
                own.copy_(value)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Swap in the average for validation."""
        self._exchange(pl_module)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Swap the weights back in."""
        self._exchange(pl_module)

    def state_dict(self) -> dict[str, Any]:
        """The number of steps averaged so far."""
        return {"steps": self._steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the number of steps."""
        self._steps = state_dict["steps"]

    def on_save_checkpoint(self, trainer: pl.Trainer, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Store the average as the weights, and the weights beside it."""
        checkpoint[LIVE] = checkpoint["state_dict"]
        checkpoint["state_dict"] = {name: value.clone() for name, value in self._average.items()}

    def on_load_checkpoint(self, trainer: pl.Trainer, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Restore the average from a checkpoint, and the model's own weights."""
        pl_module.load_state_dict(checkpoint[LIVE])
        self._average = {name: checkpoint["state_dict"][name].to(value) for name, value in _copy(pl_module).items()}

    @torch.no_grad()
    def _exchange(self, pl_module: Any) -> None:
        weights = pl_module.state_dict()
        for name, own in self._average.items():
            kept = weights[name].clone()
            weights[name].copy_(own)
            own.copy_(kept)


def _copy(pl_module: Any) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in pl_module.state_dict().items()}
