"""The average of the weights of a stage."""

from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor


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
