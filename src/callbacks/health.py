"""Stopping before a bad step spoils the weights."""

import math

import pytorch_lightning as pl
import torch
from torch import Tensor

from ..errors import AiwaveError


class GradientHealth(pl.Callback):
    """Log the gradient norm of every component; stop at once when loss or gradients are not finite.

    The weights are still those before the bad step, and the checkpoints those of the last whole epoch.
    """

    def on_before_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule, loss: Tensor) -> None:
        """Check the loss, a scalar."""
        if not torch.isfinite(loss):
            raise AiwaveError(self._complaint(trainer, "loss", loss.item()))

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        """Check and log the gradients, before they are clipped."""
        for name, component in pl_module.codec.named_children():
            gradients = [p.grad for p in component.parameters() if p.grad is not None]
            if not gradients:
                continue
            norm = torch.nn.utils.get_total_norm(gradients).item()
            if not math.isfinite(norm):
                raise AiwaveError(self._complaint(trainer, f"gradient of {name}", norm))
            pl_module.log(f"gradient_norm/{name}", norm)

    @staticmethod
    def _complaint(trainer: pl.Trainer, what: str, value: float) -> str:
        return (
            f"The {what} became {value} at step {trainer.global_step} (epoch {trainer.current_epoch}): lower the "
            f"stage's lr and resume; the last good checkpoint, if an epoch was completed, is in "
            f"{trainer.default_root_dir}."
        )
