"""Detection of non-finite loss and gradients before they corrupt the weights."""

import math
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from ..errors import AiwaveError


class GradientHealth(pl.Callback):
    """Log the gradient norm of every component; stop at once if the loss or a gradient is not finite.

    The weights are then still those before the bad step, and the checkpoints those of the last completed epoch.
    """

    def on_before_backward(self, trainer: pl.Trainer, pl_module: Any, loss: Tensor) -> None:
        """Check the loss, a scalar."""
        if not torch.isfinite(loss):
            raise AiwaveError(_complaint(trainer, pl_module, "loss", loss.item()))

    def on_before_optimizer_step(self, trainer: pl.Trainer, pl_module: Any, optimizer: torch.optim.Optimizer) -> None:
        """Check and log the gradients, before clipping."""
        for name, component in pl_module.codec.named_children():
            gradients = [p.grad for p in component.parameters() if p.grad is not None]
            if not gradients:
                continue
            norm = torch.nn.utils.get_total_norm(gradients).item()
            if not math.isfinite(norm):
                raise AiwaveError(_complaint(trainer, pl_module, f"gradient of {name}", norm))
            pl_module.log(f"gradient_norm/{name}", norm)


def _complaint(trainer: pl.Trainer, pl_module: Any, what: str, value: float) -> str:
    return (
        f"The {what} became {value} in stage {pl_module.stage} at step {trainer.global_step}: lower the stage's lr "
        f"and train again; the last good checkpoint, if an epoch was completed, is in {trainer.default_root_dir}."
    )
