"""Pictures of the codec at the end of a stage."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities import rank_zero_only
from torch import Tensor

from ..models.bands import DETAILS, band_names
from ..models.subbands import Subbands
from ..models.transform.wavelet_transform import WaveletTransform
from ..report.stage_figures import FILTERS, RESPONSES, SLICES, save_filters, save_responses, save_slices

DRAWN_LEVELS = 3  # the time to draw one more is tenfold


def synthesis_functions(transform: WaveletTransform, amplitude: float = 16.0) -> dict[str, Tensor]:
    """Response to one coefficient of `amplitude`, in intensity units, in the middle of each band, by band name.

    Of a transform with more than `DRAWN_LEVELS` levels, only the details of the finest ones. Each is (S, S, S) with
    S = 8 * 2**levels, divided by the amplitude, less the response to no coefficient. The functions of a trained
    transform depend on the signal around them: these are for a flat signal.
    """
    levels = min(transform.levels, DRAWN_LEVELS)
    parameter = next(transform.parameters(), torch.zeros(1))
    zeros = partial(torch.zeros, device=parameter.device, dtype=parameter.dtype)
    empty = Subbands(zeros(1, 1, 8, 8, 8), tuple(zeros(1, DETAILS, *[8 << level] * 3) for level in range(levels)))
    ground = transform.inverse(empty)
    functions = []
    for part in range(1 + levels):
        for band in range((empty.approx, *empty.details)[part].shape[1]):
            pulse = empty.map(torch.clone)
            tensor = (pulse.approx, *pulse.details)[part]
            tensor[0, band, tensor.shape[2] // 2, tensor.shape[3] // 2, tensor.shape[4] // 2] = amplitude
            functions.append((transform.inverse(pulse) - ground)[0, 0] / amplitude)
    named = list(zip(band_names(levels), functions, strict=True))
    return dict(named if levels == transform.levels else named[1:])


class Pictures(pl.Callback):
    """Draw slices.png (a validation crop, coded at the middle quality) and filters.png into the stage's folder.

    Of a transform that was trained also responses.png: its synthesis functions beside those of the 9/7.
    """

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
        transform = pl_module.codec.transform
        functions = _arrays(transform)
        save_filters(functions, folder / FILTERS)
        if not transform.reversible and any(parameter.requires_grad for parameter in transform.parameters()):
            save_responses(functions, _arrays(WaveletTransform("cdf97", transform.levels)), folder / RESPONSES)


def _arrays(transform: WaveletTransform) -> dict[str, np.ndarray]:
    return {name: values.float().cpu().numpy() for name, values in synthesis_functions(transform).items()}
