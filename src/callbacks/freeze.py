"""Freezing of components of the codec."""

from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
from torch import nn


class FreezeComponents(pl.Callback):
    """Freeze children of `module.codec` by name for a whole fit.

    Frozen means: no parameter gradients (gradients still pass through), evaluation mode, not in the optimiser. The
    callback acts in `setup`, before the optimiser exists.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)

    def setup(self, trainer: pl.Trainer, pl_module: Any, stage: str) -> None:
        """Exclude the components from training."""
        for component in self._components(pl_module):
            component.requires_grad_(False)
            component.eval()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Restore evaluation mode after `train()` on the whole module."""
        for component in self._components(pl_module):
            component.eval()

    def _components(self, pl_module: Any) -> list[nn.Module]:
        return [pl_module.codec.get_submodule(name) for name in self.names]
