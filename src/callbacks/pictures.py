"""Pictures of a stage's codec at the end of the stage."""

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities import rank_zero_only

from ..models.filters import synthesis_functions
from ..report import save_filters, save_slices

SLICES, FILTERS = "slices.png", "filters.png"


class Pictures(pl.Callback):
    """Draw slices.png (a validation crop, coded at the middle quality) and filters.png into the stage's folder."""

    def __init__(self) -> None:
        self._seen: tuple[Any, Any] | None = None

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, *args: Any
    ) -> None:
        """Keep a volume of the batch, coded at every quality (see `CompressionTask.validation_step`)."""
        coded = list(outputs.values())
        decoded = coded[len(coded) // 2].x_hat
        self._seen = tuple(volume[0, 0].float().cpu().numpy() for volume in (batch["image"], decoded))  # type: ignore[assignment]

    @rank_zero_only
    @torch.no_grad()
    def on_train_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Draw the pictures."""
        folder = Path(trainer.default_root_dir)
        if self._seen is not None:
            save_slices(*self._seen, folder / SLICES)
        save_filters(
            {
                name: values.float().cpu().numpy()
                for name, values in synthesis_functions(pl_module.codec.transform).items()
            },
            folder / FILTERS,
        )
