"""Detection of non-finite loss and gradients before they corrupt the weights."""

import math
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from ..errors import AiwaveError

MEMORY = 0.9
"""Share of a component's usual gradient norm that a step keeps."""


class GradientHealth(pl.Callback):
    """Log the gradient norm of every component; stop at once if the loss or a gradient is not finite.

    The weights are then still those before the bad step, and the checkpoints those of the last completed epoch. The
    message names the components whose gradients are not finite, or the one whose gradient had grown most.
    """

    def __init__(self) -> None:
        self._usual: dict[str, float] = {}
        self._growth: dict[str, float] = {}

    def on_before_backward(self, trainer: pl.Trainer, pl_module: Any, loss: Tensor) -> None:
        """Check the loss, a scalar."""
        if not torch.isfinite(loss):
            what = f"loss became {loss.item()}"
            blamed = max(self._growth, key=lambda name: self._growth[name], default=None)
            after = "" if blamed is None else f", after the gradient of {blamed} {_grown(self._growth[blamed])}"
            raise AiwaveError(_complaint(trainer, pl_module, what, after, [] if blamed is None else [blamed]))

    def on_before_optimizer_step(self, trainer: pl.Trainer, pl_module: Any, optimizer: torch.optim.Optimizer) -> None:
        """Check and log the gradients, before clipping."""
        norms = {}
        for name, component in pl_module.codec.named_children():
            gradients = [p.grad for p in component.parameters() if p.grad is not None]
            if gradients:
                norms[name] = torch.nn.utils.get_total_norm(gradients).item()
        broken = [name for name, norm in norms.items() if not math.isfinite(norm)]
        if broken:
            several = "s" * (len(broken) > 1)
            what = f"gradient{several} of {' and '.join(broken)} became {norms[broken[0]]}"
            raise AiwaveError(_complaint(trainer, pl_module, what, "", broken))
        for name, norm in norms.items():
            pl_module.log(f"gradient_norm/{name}", norm)
            usual = self._usual.get(name, norm)
            self._growth[name] = norm / usual if usual else 1.0
            self._usual[name] = MEMORY * usual + (1 - MEMORY) * norm


def _grown(factor: float) -> str:
    return f"had grown to {factor:.3g} times its usual size" if factor > 1 else "had grown most"


def _complaint(trainer: pl.Trainer, pl_module: Any, what: str, after: str, blamed: list[str]) -> str:
    rates = " and ".join(f"lr.{name}" for name in blamed) or "lr"
    return (
        f"The {what} in stage {pl_module.stage} at step {trainer.global_step}{after}: lower the stage's {rates} "
        f"and train again; the last good checkpoint, if an epoch was completed, is in {trainer.default_root_dir}."
    )
